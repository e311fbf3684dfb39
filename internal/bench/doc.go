// Package bench measures a running system through its front door: what a
// program that embeds engines and submits tasks gets.
//
// It embeds its own engines in a pool of its own, because the time at which a
// handler is entered is known only there. Throughput is from the first submit to
// the last result in the log; latency, from a submit to the entry of the
// handler, is measured afterwards at a steady rate that the system easily bears.
//
// Machines differ, and the same one differs from minute to minute. So each round
// first measures the bare wire: records that tasks left in the logs are produced
// and fetched again by the same clients, on topics with the same settings, in
// batches of the same shape, as often as tasks would, with nobody who decides
// anything in between. What tasks reach of that is the ratio.
package bench
