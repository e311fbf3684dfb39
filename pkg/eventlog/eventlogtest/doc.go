// Package eventlogtest is the contract of eventlog.Log: one suite that every
// implementation must pass, in memory or on a broker. What the runtime and the
// simulation rely on is tested here and nowhere else.
package eventlogtest
