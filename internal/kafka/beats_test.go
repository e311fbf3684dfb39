package kafka_test

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
)

// member joins group g for topic t. beats has a value for each heartbeat that it sends.
func member(t *testing.T, b *embedded.Broker) (generations <-chan []int32, beats <-chan struct{}, leave func()) {
	t.Helper()
	sent, in := make(chan struct{}, 1000), make(chan []int32, 100)
	c := kafka.New(kafka.Config{Brokers: b.Addrs(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &beating{conn, sent}, err
	}})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = c.Join(ctx, "g", "t", func(ctx context.Context, g *kafka.Generation) {
			in <- g.Partitions
			<-ctx.Done()
		})
		c.Close()
	}()
	leave = func() {
		cancel()
		<-over
	}
	t.Cleanup(leave)
	return in, sent, leave
}

type beating struct {
	net.Conn
	sent chan<- struct{}
}

func (c *beating) Write(b []byte) (int, error) {
	const heartbeat = 12
	if len(b) >= 6 && binary.BigEndian.Uint16(b[4:]) == heartbeat {
		c.sent <- struct{}{}
	}
	return c.Conn.Write(b)
}

// during is how long it takes until so many heartbeats are sent from the next one on.
func during(t *testing.T, n int, beats <-chan struct{}) time.Duration {
	t.Helper()
	for len(beats) > 0 {
		<-beats
	}
	await(t, "a heartbeat", beats)
	began := time.Now()
	for range n {
		await(t, "a heartbeat", beats)
	}
	return time.Since(began)
}

// often waits until eight heartbeats are sent soon enough for a member in company. It is 1.9 s,
// and never less than 8 s of a member that takes itself for one alone; a machine that stands
// still for a while makes it longer once or twice.
func often(t *testing.T, beats <-chan struct{}) {
	t.Helper()
	const tries = 20
	for range tries {
		if during(t, 8, beats) <= 6*time.Second {
			return
		}
	}
	t.Errorf("a member of two has not sent eight heartbeats within 6 s, in %d tries", tries)
}

// A member that is alone sends heartbeats rarely; those of a group of several often, so that
// they learn soon that one has left.
func TestMembersInCompanyLearnSoonerWhoLeft(t *testing.T) {
	b, c := start(t)
	ensure(t, c, "t", 4)
	first, beats, _ := member(t, b)
	all := []int32{0, 1, 2, 3}
	if got := await(t, "a generation", first); !slices.Equal(got, all) {
		t.Fatalf("a member that is alone has %v", got)
	}
	rarely := func(when string) {
		t.Helper()
		if d := during(t, 4, beats); d < 2200*time.Millisecond { // It is 4 s, and 0.9 s of one in company.
			t.Errorf("%s sends four heartbeats in %v", when, d)
		}
	}
	rarely("a member that is alone")
	for range 2 { // The second time the first member, or the second one, has led two generations.
		second, others, leave := member(t, b)
		assigned(t, "a generation of the second member", second, 2)
		assigned(t, "a generation of two", first, 2)
		for _, of := range []<-chan struct{}{beats, others} {
			often(t, of)
		}
		leave()
		assigned(t, "a generation without it", first, len(all))
	}
	rarely("a member that is alone again")
}

// assigned waits for a generation in which a member has n partitions. Generations before it may
// have others: on a slow machine one may join late.
func assigned(t *testing.T, what string, generations <-chan []int32, n int) {
	t.Helper()
	for len(await(t, what, generations)) != n {
	}
}
