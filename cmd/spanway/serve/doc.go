// Package serve is the commands that run services: serve with one service each, dev with
// all in one process, and healthcheck, which asks a service whether it is ready.
//
// It is the only package of the command line that imports services.
package serve
