package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
)

const (
	callersOfAWorld = 4
	// callPause is the least time between two requests of a caller.
	callPause = 20 * time.Millisecond
)

// callers ask for ranges, each one after the other, and remember what they are told. They
// ask again with the same request ID where they are not answered, and give some back.
type callers struct {
	t       *testing.T
	client  *ids.Client
	ctx     context.Context // of all requests
	keepAll atomic.Bool     // from now on nothing is given back
	stopped chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	told    map[string]ids.Grant // by request ID
	given   map[string]bool      // request IDs of what is or may be given back
	counts  [callersOfAWorld]int
	repeats int
	changed chan struct{}
}

func call(t *testing.T, client *ids.Client) *callers {
	ctx, cancel := context.WithCancel(context.Background())
	c := &callers{
		t: t, client: client, ctx: ctx, stopped: make(chan struct{}), told: map[string]ids.Grant{}, given: map[string]bool{}, changed: make(chan struct{}),
	}
	for i := range callersOfAWorld {
		c.running.Go(func() { c.run(i) })
	}
	t.Cleanup(func() {
		cancel() // What is not judged by now is over.
		c.stop()
	})
	return c
}

// stop waits until each caller has its last answer.
func (c *callers) stop() {
	select {
	case <-c.stopped:
	default:
		close(c.stopped)
	}
	c.running.Wait()
}

func (c *callers) run(caller int) {
	pause := time.NewTicker(callPause)
	defer pause.Stop()
	for n := 0; ; n++ {
		select {
		case <-c.stopped:
			return
		case <-pause.C:
		}
		want := ids.Want{Space: idSpace, Count: 4, Owner: fmt.Sprint("caller", caller), RequestID: fmt.Sprintf("%d-%d", caller, n)}
		g, err := c.grant(want, pause.C)
		if c.ctx.Err() != nil {
			return
		}
		if err != nil {
			c.t.Errorf("request %s: %v", want.RequestID, err)
			return
		}
		c.note(caller, g)
		if n%3 == 2 && !c.keepAll.Load() {
			c.giveBack(g)
		}
	}
}

// grant asks until it is answered. An acknowledged request is asked once: no answer to it
// is an error.
func (c *callers) grant(want ids.Want, pause <-chan time.Time) (ids.Grant, error) {
	for {
		g, err := c.client.Grant(c.ctx, want)
		var unanswered *ids.Unanswered
		switch {
		case err == nil:
			return g, nil
		case ids.IsRefused(err, events.CodeStoreUnavailable):
		case errors.As(err, &unanswered) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ids.ErrClosed):
		default:
			return ids.Grant{}, err
		}
		c.mu.Lock()
		c.repeats++
		c.mu.Unlock()
		select {
		case <-pause:
		case <-c.ctx.Done():
			return ids.Grant{}, c.ctx.Err()
		}
	}
}

func (c *callers) note(caller int, g ids.Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[g.RequestID] = g
	c.counts[caller]++
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *callers) giveBack(g ids.Grant) {
	c.mu.Lock()
	c.given[g.RequestID] = true
	c.mu.Unlock()
	err := c.client.Release(c.ctx, g)
	var unanswered *ids.Unanswered
	if err != nil && !errors.As(err, &unanswered) && !ids.IsRefused(err, events.CodeGrantEnded) { // It was decided before a crash.
		c.t.Errorf("give %s back: %v", g.RequestID, err)
	}
}

// progress waits until each caller has been told of some more ranges: what it had asked for
// is answered, and new requests are, too.
func (c *callers) progress(when string) {
	c.t.Helper()
	const more = 5
	c.mu.Lock()
	before := c.counts
	c.mu.Unlock()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		now, changed := c.counts, c.changed
		c.mu.Unlock()
		enough := true
		for i, n := range now {
			enough = enough && n >= before[i]+more
		}
		if enough {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			c.t.Fatalf("no progress %s: from %v to %v grants", when, before, now)
		}
	}
}
