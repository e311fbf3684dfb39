// Package trouble is how a program tells of what it tries again: no loop of this
// module that tries again is silent, since none can pause without a Try.
//
// A Try is one thing that is tried for as long as it takes, or for one call. A Board
// holds those of one connection to a cluster. Of a Try that has not succeeded for
// Patience, or at once of one that was denied, the Board tells its logger; of the same
// reason again every Every, however many Tries it holds up; and once that all go on
// again. While the logger was told and something is still in the way, Board.Err says
// what: readiness (/readyz) is that.
//
//	try := board.New("read t/3")
//	defer try.End()
//	for ctx.Err() == nil {
//		if err := read(); err != nil {
//			try.Again(ctx, err, pause)
//			continue
//		}
//		try.Passed()
//	}
//
// A Try that has begun and has no answer at all, because the other side hangs, is told
// of, too. What gives up and returns its error to its caller ends its Try: then it is
// the caller who is told.
//
//	        Begin, Failed             Patience, or denied
//	idle ────────────────────▶ open ──────────────────────▶ shown
//	 ▲                          │                             │
//	 └───────── Passed, End ────┴─────────────────────────────┘
//
// It owns no topic and no goroutine, and nothing of it outlives the process.
package trouble
