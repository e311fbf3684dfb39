// Realise is an engine that realises logical networks as rules of nftables. It keeps the objects
// of its site as files, renders all of them with each change, has `nft --check` look at the
// result, and puts it where a service of the system loads it from. What nft refuses is not put
// there: the task fails with what it says, and `spanway network why` shows that.
//
//	go run ./examples/realise --brokers 127.0.0.1:29092 --dir /tmp/nft
//
// README.md says what else is to run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanway/spanway/pkg/engine"
)

func main() {
	brokers := flag.String("brokers", "127.0.0.1:29092", "Kafka brokers of the site")
	id := flag.String("id", "nft-1", "ID of the engine")
	role := flag.String("role", "edge", "its label role, by which local managers choose it")
	dir := flag.String("dir", "realised", "directory of the objects, and of the rules, rules.nft")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, engine.Config{Brokers: []string{*brokers}, ID: *id, Labels: map[string]any{"role": *role}}, *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "realise:", err)
		os.Exit(1)
	}
}

// run realises until ctx ends; then the engine drains.
func run(ctx context.Context, config engine.Config, dir string) error {
	e, err := engine.New(config)
	if err != nil {
		return err
	}
	e.Handle("network.realise", (&rules{dir: dir, check: nft}).handle)
	return e.Run(ctx)
}
