// Package proof shows at scale that what the scheduler's core writes keeps the
// guarantees, by the log alone, and that a log which breaks one is found out.
//
// The core runs as a black box: the owner's runtime over a log in memory, with a
// fleet of engines that join, drain, die and come back, random predicates and
// needs, results and failures, owners that take over from each other, all of one
// seed and by a clock that is told the time. Then the inputs are thrown away, and
// two judges get the log and nothing else:
//
//	story ──requests, reports──▶ core ──▶ log ──┬──▶ package verify, every prefix
//	  ▲                           │             ├──▶ a naive recount, at random prefixes
//	  └──────── assignments ◀─────┘             └──▶ corrupted ──▶ package verify
//
// The naive recount shares nothing with package verify, not even CEL: each random
// predicate is made together with a function that says what it means.
//
// There is only test code here.
package proof
