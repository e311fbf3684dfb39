package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

// shop is a connection for the examples, to an embedded broker; yours is
//
//	cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:29092"}})
func shop() (c *cluster.Cluster, end func(), err error) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		return nil, nil, err
	}
	c, err = cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	return c, func() { c.Close(); b.Close() }, nil
}

// Any process puts entries in, lists them in the same order, and takes out any of them.
func Example() {
	ctx, c, end := begin()
	defer end()
	q, err := queue.Open(ctx, c, "orders", queue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	for _, id := range []string{"tea", "rice", "salt"} {
		if _, err := q.Enqueue(ctx, queue.Item{ID: id, Payload: []byte("1 kg")}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("removed:", q.Remove(ctx, "rice", "sold out"))
	fmt.Println("again:", errors.Is(q.Remove(ctx, "rice", "sold out"), queue.ErrAlreadyRemoved))
	page, err := q.Entries(ctx, -1, 100, true)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range page.Entries {
		fmt.Println(e.Seq, e.ID, e.Size)
	}
	// Output:
	// removed: <nil>
	// again: true
	// 1 tea 4
	// 3 salt 4
}

// A worker leases an entry, does its work, and takes it out. If it dies, the lease ends and
// another worker gets the entry.
func ExampleQueue_Claim() {
	ctx, c, end := begin()
	defer end()
	q, err := queue.Open(ctx, c, "orders", queue.Options{Holder: "worker-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	if _, err := q.Enqueue(ctx, queue.Item{ID: "tea", Payload: []byte("1 kg")}); err != nil {
		fmt.Println(err)
	}
	work, err := q.Claim(ctx, queue.Request{Lease: time.Minute, Wait: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range work.Entries {
		p, err := q.Payload(ctx, e)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s of %s\n", p.Data, e.ID)
		fmt.Println("done:", q.Done(ctx, e.ID, work.Token))
	}
	// Output:
	// 1 kg of tea
	// done: <nil>
}

// Every process that applies the ordering to its own state has the same state.
func ExampleQueue_Replicate() {
	ctx, c, end := begin()
	defer end()
	q, err := queue.Open(ctx, c, "orders", queue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	for _, amount := range []string{"10", "-3", "5"} {
		if _, err := q.Enqueue(ctx, queue.Item{Payload: []byte(amount)}); err != nil {
			fmt.Println(err)
		}
	}
	balance, enough := 0, errors.New("enough for an example")
	err = q.Replicate(ctx, -1, func(e queue.Entry, p queue.Payload) error {
		var amount int
		if _, err := fmt.Sscan(string(p.Data), &amount); err != nil {
			return err
		}
		if balance += amount; e.Seq == 3 {
			return enough
		}
		return nil
	})
	fmt.Println(balance, err)
	// Output: 12 enough for an example
}

// begin makes the queue "orders" for an example.
func begin() (context.Context, *cluster.Cluster, func()) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	c, end, err := shop()
	if err == nil {
		err = queue.Create(ctx, c, "orders", queue.Rules{}, queue.Options{Logger: slog.New(slog.DiscardHandler)})
	}
	if err != nil {
		panic(err) // An example without a broker shows nothing.
	}
	return ctx, c, func() { end(); stop() }
}
