package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
)

// held is a log in which one line is written late: the one that tells that a client
// could join its group after all.
type held struct {
	slog.Handler
	away    chan<- struct{} // closed when it tells that the broker is away
	back    chan<- struct{} // closed when that line is due
	release <-chan struct{} // that line is written when this is closed
	once    *[2]sync.Once
}

func (held) Enabled(context.Context, slog.Level) bool { return true }

func (h held) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "trying again":
		h.once[0].Do(func() { close(h.away) })
	case "it goes on again":
		h.once[1].Do(func() { close(h.back) })
		<-h.release
	}
	return nil
}

// A generation that is over before its member could begin with it is no member's: what
// it gave is given to others by then. It must not run beside the next one, and undo that.
func TestAGenerationThatIsOverIsNotRun(t *testing.T) {
	b, other := start(t)
	ensure(t, other, "t", 2)
	var cut atomic.Bool
	cut.Store(true)
	away, back, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	c := kafka.New(kafka.Config{
		Brokers: []string{b.Addr()},
		Logger:  slog.New(held{slog.DiscardHandler, away, back, release, &[2]sync.Once{}}),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if cut.Load() {
				return nil, errors.New("the broker is away")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	join := func(c *kafka.Client, run func(ctx context.Context, g *kafka.Generation)) {
		all.Go(func() { _ = c.Join(ctx, "g", "t", run) })
	}
	ran := make(chan int32, 10)
	join(c, func(ctx context.Context, g *kafka.Generation) {
		ran <- g.ID
		<-ctx.Done()
	})
	await(t, "that the broker is away", away)
	cut.Store(false)
	await(t, "that it has joined", back)
	second := make(chan int32, 10)
	join(other, func(ctx context.Context, g *kafka.Generation) {
		second <- g.ID
		<-ctx.Done()
	})
	late := time.After(patience)
	var living int32
	select { // The first member is in it, too.
	case living = <-second:
	case <-late:
		t.Error("the second member does not join")
	}
	close(release)
	var got []int32
	for !slices.Contains(got, living) {
		select {
		case id := <-ran:
			got = append(got, id)
		case <-late:
			t.Fatalf("it ran generations %v, want %d", got, living)
		}
	}
	cancel()
	all.Wait()
	close(ran)
	for id := range ran {
		got = append(got, id)
	}
	if len(got) != 1 {
		t.Errorf("it ran generations %v, of which only %d was not over", got, living)
	}
}
