// Replicated-ledger is state machine replication by a queue: three processes apply the same
// ordering of transfers to accounts of their own. README.md says how to run it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

const name = "ledger"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "replicated-ledger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1:
		d := demo{broker: args[0], out: os.Stdout, every: 2 * time.Second}
		return d.run(ctx)
	case len(args) == 2 && args[1] == "node":
		return whileAsked(func(ctx context.Context) error { return node(ctx, args[0], os.Stdout) })
	case len(args) == 2 && args[1] == "transfer":
		return whileAsked(func(ctx context.Context) error { return transfer(ctx, args[0], os.Stdout) })
	}
	return errors.New("usage: replicated-ledger BROKER [node|transfer]")
}

// whileAsked runs a role until standard input ends: so no process is left when the one that
// started it is gone. An interrupt is that one's business.
func whileAsked(role func(context.Context) error) error {
	signal.Ignore(os.Interrupt)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // Whatever ends it ends this.
		stop()
	}()
	if err := role(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// open creates the queue, if that was not done before, and opens it.
func open(ctx context.Context, broker string) (*queue.Queue, func(), error) {
	c, err := cluster.Open(cluster.Config{Brokers: []string{broker}})
	if err != nil {
		return nil, nil, err
	}
	if err := queue.Create(ctx, c, name, queue.Rules{}, queue.Options{}); err != nil {
		c.Close()
		return nil, nil, err
	}
	q, err := queue.Open(ctx, c, name, queue.Options{})
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return q, func() {
		if err := q.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		c.Close()
	}, nil
}

// node applies the ordering to accounts of its own, from the beginning. At each report it
// prints its place, the hash of the accounts, and how many transfers were possible.
func node(ctx context.Context, broker string, out io.Writer) error {
	q, end, err := open(ctx, broker)
	if err != nil {
		return err
	}
	defer end()
	l := newLedger()
	return q.Replicate(ctx, -1, func(e queue.Entry, p queue.Payload) error {
		if !l.apply(p.Data) {
			return nil
		}
		_, err := fmt.Fprintln(out, e.Seq, l.hash(), l.moved)
		return err
	})
}

// transfer moves money between random accounts until ctx ends, and asks for reports. At
// last it prints the place of the last report.
func transfer(ctx context.Context, broker string, out io.Writer) error {
	q, end, err := open(ctx, broker)
	if err != nil {
		return err
	}
	defer end()
	for n := 1; ctx.Err() == nil; n++ {
		if err := enqueue(ctx, q, order{From: rand.IntN(accounts), To: rand.IntN(accounts), Amount: 1 + rand.Int64N(each)}); err != nil && ctx.Err() == nil {
			return err
		}
		if n%100 == 0 && ctx.Err() == nil {
			if err := enqueue(ctx, q, order{Report: true}); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
	last, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	data, err := json.Marshal(order{Report: true})
	if err != nil {
		return err
	}
	e, err := q.Enqueue(last, queue.Item{Payload: data})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, e.Seq)
	return err
}

func enqueue(ctx context.Context, q *queue.Queue, o order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = q.Enqueue(ctx, queue.Item{Payload: data, Type: "application/json"})
	return err
}
