// Package task is the noun task: submit, show, list, watch, why, what-if, cancel and
// retry.
package task
