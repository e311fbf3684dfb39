package ids_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// A range is asked for under a request ID. The same request ID again is the same grant, so
// after an error the request is simply repeated.
func ExampleClient_Grant() {
	ctx, c, end := begin()
	defer end()
	chain := ids.Want{Space: "spi", Count: 4, RequestID: "chain-7", Owner: "site-ams"}
	for range 2 {
		g, err := c.Grant(ctx, chain)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(g.From, g.To)
	}
	chain.Count = 5
	_, err := c.Grant(ctx, chain)
	fmt.Println("another count:", ids.IsRefused(err, events.CodeRequestMismatch))
	// Output:
	// 1 4
	// 1 4
	// another count: true
}

// Given identifiers are reserved, and given back by their owner alone.
func ExampleClient_Reserve() {
	ctx, c, end := begin()
	defer end()
	g, err := c.Reserve(ctx, ids.Want{Space: "spi", RequestID: "fixed", Owner: "site-fra"}, 100, 101)
	if err != nil {
		fmt.Println(err)
		return
	}
	foreign := g
	foreign.Owner = "site-ams"
	fmt.Println("by another owner:", ids.IsRefused(c.Release(ctx, foreign), events.CodeNotOwner))
	fmt.Println("released:", c.Release(ctx, g))
	// Output:
	// by another owner: true
	// released: <nil>
}

// A grant with a lease is held until the lease ends, unless it is renewed.
func ExampleClient_Renew() {
	ctx, c, end := begin()
	defer end()
	g, err := c.Grant(ctx, ids.Want{Space: "spi", Owner: "site-ams", Lease: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	renewed, err := c.Renew(ctx, g, 2*time.Hour)
	fmt.Println("renewed:", err, renewed.Until.Sub(g.Until) > 50*time.Minute)
	// Output: renewed: <nil> true
}

// A generator takes ranges before they are needed and hands single identifiers out, each
// once; what is left goes back when it is closed.
func ExampleClient_NewGenerator() {
	ctx, c, end := begin()
	defer end()
	g, err := c.NewGenerator(ids.GeneratorConfig{Space: "spi", Count: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		id, err := g.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(id)
	}
	fmt.Println("closed:", g.Close(ctx))
	// Output:
	// 1
	// 2
	// 3
	// closed: <nil>
}

// begin makes the space "spi" for an example, on an embedded broker and an allocator in this
// process; yours is
//
//	at, err := cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:29092"}})
//	c, err := ids.New(ids.Config{Cluster: at})
func begin() (context.Context, *ids.Client, func()) {
	quiet := slog.New(slog.DiscardHandler)
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	b, err := embedded.Start(embedded.Config{})
	must(err)
	at, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
	must(err)
	a, err := allocator.New(allocator.DefaultConfig(), allocator.Deps{Cluster: at, Store: store.NewMemory(), Logger: quiet})
	must(err)
	running := make(chan error, 1)
	serving, leave := context.WithCancel(context.Background())
	go func() { running <- a.Run(serving) }()
	select {
	case <-a.Ready():
	case err := <-running:
		panic(err)
	}
	c, err := ids.New(ids.Config{Cluster: at})
	must(err)
	must(c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 1<<24 - 1}))
	return ctx, c, func() {
		c.Close()
		leave()
		<-running
		at.Close()
		b.Close()
		stop()
	}
}

// must ends an example without a system: it shows nothing.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
