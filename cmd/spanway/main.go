// Command spanway is the one binary: services, an all-in-one for development,
// and the client commands. Its logic is in the packages it calls; here are
// flags, output and exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanway/spanway/services/engine"
)

func main() {
	engine.MaybeGuard() // Does not return in a process that guards a command.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	code := execute(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
