// Command spanway is the one binary: services, an all-in-one for development,
// and the client commands. Each noun of the command line is a package below this
// one; what they share is in package cli. Here they are wired.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanway/spanway/cmd/spanway/bench"
	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/engine"
	"github.com/spanway/spanway/cmd/spanway/id"
	"github.com/spanway/spanway/cmd/spanway/link"
	"github.com/spanway/spanway/cmd/spanway/log"
	"github.com/spanway/spanway/cmd/spanway/network"
	"github.com/spanway/spanway/cmd/spanway/pool"
	"github.com/spanway/spanway/cmd/spanway/principal"
	"github.com/spanway/spanway/cmd/spanway/queue"
	"github.com/spanway/spanway/cmd/spanway/serve"
	"github.com/spanway/spanway/cmd/spanway/site"
	"github.com/spanway/spanway/cmd/spanway/task"
	"github.com/spanway/spanway/cmd/spanway/trace"
	"github.com/spanway/spanway/cmd/spanway/verify"
	"github.com/spanway/spanway/internal/telemetry"
)

func main() {
	serve.Guard() // Does not return in a process that guards a command.
	telemetry.Version, _ = built()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	code := cli.Execute(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, commands...)
	stop()
	os.Exit(code)
}

// commands are all that the program has.
var commands = []cli.Command{
	serve.Dev,
	serve.Command,
	serve.Healthcheck,
	serve.Doctor,
	task.Command,
	engine.Command,
	pool.Command,
	queue.Command,
	id.Command,
	link.Command,
	network.Command,
	site.Command,
	principal.Command,
	log.Command,
	trace.Command,
	verify.Command,
	bench.Command,
	versionCommand,
}
