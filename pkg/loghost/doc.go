// Package loghost runs hosts of a shared log (package sharedlog) on a Kafka cluster: it
// is everything between a core and Kafka for programs that call and answer from the fold,
// as package logowner is for programs that own a log. Package queue and the allocator are
// built on it.
//
//	s, err := loghost.New(loghost.Config{
//		Log: logs[0], Create: logs, Group: topics.KeeperGroup(logs[0].Topic),
//		NewCore: func(int32) sharedlog.Core { return newCore() },
//		Cluster: loghost.On(cluster), Encoder: events.Encoder{Source: "/shop/orders"},
//	})
//	...
//	go s.Run(ctx)
//	verdict, err := s.Host(0).Call(ctx, message, nil)
//
// # Keepers
//
// A process that lives long gives a Group. The group gives each partition of the log to
// one process, which writes its snapshots, deletes what they make superfluous, and moves
// its time when something is due (sharedlog.Keeper). A process without a group, such as a
// command, only calls and reads. A process that may not join the group logs that and goes
// on as one without.
//
//	          assigned                 the generation ends, or the service does
//	hosting ───────────▶ hosting, keeping ───────────▶ hosting
//
// # Topics
//
// In and out: the log, its snapshots. Invariants and what happens on a crash are those of
// package sharedlog: nothing is saved but the log and its snapshots.
package loghost
