// Package clockshift is for tests of clocks that jump. Programs built with [Build]
// read their time of day (the wall reading of time.Now) from the system's clock plus an
// offset that a test keeps in a file and changes while they run, in both directions.
// Their monotonic clock, timers and tickers stay true, as those of a real machine do
// when its time of day is set.
//
// It works by `go build -overlay`: package time is compiled with one line of Now
// changed. A program built as usual has nothing of it, and the products are never built
// this way. The faketime of Linux does nothing to a Go program, which calls no libc.
//
//	binary := filepath.Join(dir, "spanway")
//	err := clockshift.Build(ctx, binary, "./cmd/spanway")
//	clock, err := clockshift.New(filepath.Join(dir, "engine.clock"))
//	cmd := exec.Command(binary, "serve", "engine")
//	cmd.Env = append(os.Environ(), clock.Env())
//	err = clock.Set(-24 * time.Hour) // of every process that has this Env, at once
//
// The whole standard library is compiled anew the first time (a minute or two on two
// cores); the build cache of Go keeps it from then on. Unix only.
package clockshift
