// Package lease is the pure core of an engine: its lease on life within its
// pool, and the attempts that it holds by virtue of it.
//
// It owns no clock, no connection and no goroutine. Its caller tells it what
// was read from tasks.assignments (Read), what time it is (Tick), which beats
// the broker acknowledged (Acked) and how handlers ended (Finished), and does
// what the returned actions say, in their order. Time is in milliseconds and
// need not be the time of day, but must not run backwards. Equal calls give
// equal actions, so the simulation runs this very code.
//
//	           EngineRegistered read              Drain
//	registering ------------------> ready -------------------> draining
//	   ^                              | lease lost       nothing  | runs
//	   | Register(new incarnation)    v                           v any more,
//	   +--------------------------- adrift ------Drain------> departed
//
// While draining, losing the lease is departing. Reading that another
// incarnation of the same ID was registered after this one, or that the
// registration was refused, leads to refused: the end, with Err saying why. An
// incarnation may be below one that is gone, since hosts' clocks differ: the
// scheduler knows which are gone, and its answer counts. If it takes a life that has just
// begun for the older one, that registers once more, from further on in the log: by that
// the scheduler tells which is the later, whatever clocks say.
//
// The lease is lost when the engine reads its own EngineLost, when nobody
// called for longer than TTL less a margin (the process or machine was
// paused), or when no beat sent within that time was acknowledged by the
// broker. Then every handler is stopped and nothing more is reported of the
// old incarnation: the scheduler may have placed its work elsewhere. Beats that
// are acknowledged but not echoed mean that the scheduler is away; since only a
// live scheduler can place the work elsewhere, the work goes on.
//
// LogRecovered says that the pool's log has lost its tail. If this engine had
// read of that tail, its mark is lowered, or it would take what comes for repeats,
// and it loses its lease: what the lost events gave it is known to nobody.
//
// A handler that is stopped uses what it needs until it returns, also when its
// attempt is over. An assignment that has no room only for that reason is held
// and waits: it is listed as running, and started when there is room. After
// 30 s a handler that does not heed its end is abandoned: its room is given to
// others.
//
// Invariants: a token is started at most once, whatever is read how often; a
// report names the incarnation that holds the lease when it is sent; the needs
// of the attempts held are within what the engine has, and so are those of the
// handlers that run, but for abandoned ones; an attempt that is held and
// neither ended by the scheduler nor lost is reported finished exactly once; a
// heartbeat lists every assignment that it says was received, unless its end
// was reported before or came from the scheduler.
//
// Progress is reported once a second at most, the newest only. Output (Wrote) is
// reported whole, in order for each stream, four times a second at most and
// before the attempt's end; beyond its bound it is left out, which is said once.
// What is measured as used (Observed) goes with the heartbeats.
//
// After a crash there is nothing to recover: the next process registers a new
// incarnation, which frees what the old one held.
package lease
