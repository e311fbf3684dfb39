// Package startstoptest is a stress test of how services start and stop, which every
// service passes. A service is made by its New, runs while Run runs, until the context
// ends, and is ready once the channel is closed. What it must keep to:
//
//   - A service that is never run holds nothing.
//   - Run of a context that has ended returns nil, soon, and the service is never ready.
//   - Whenever the context ends, Run returns nil, soon, and leaves no goroutine behind.
//   - Run of a service that runs, or that has run, is an error, and changes nothing.
package startstoptest
