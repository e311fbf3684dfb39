// Package bench measures a running system through its front door: what a
// program that embeds engines and submits tasks gets.
//
// It embeds its own engines in a pool of its own, because the time at which a
// handler is entered is known only there. Throughput is from the first submit to
// the last result in the log; latency, from a submit to the entry of the
// handler, is measured afterwards at a steady rate that the system easily bears.
package bench
