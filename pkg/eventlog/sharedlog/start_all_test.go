package sharedlog_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// counted is a log that keeps how many records each append had.
type counted struct {
	eventlog.Log
	mu      sync.Mutex
	batches []int
}

func (c *counted) Append(ctx context.Context, records []events.Record) (int64, error) {
	c.mu.Lock()
	c.batches = append(c.batches, len(records))
	c.mu.Unlock()
	return c.Log.Append(ctx, records)
}

// told is what became of a call.
type told struct {
	v   sharedlog.Verdict
	err error
}

// making is a call that seat is to be taken, and where it is told what became of it.
func making(t *testing.T, seat string) (sharedlog.Making, chan told) {
	out := make(chan told, 1)
	return sharedlog.Making{Within: t.Context(), Message: take(seat), Done: func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		out <- told{v, err}
	}}, out
}

func TestCallsThatAreStartedTogetherAreOneBatch(t *testing.T) {
	memory := memlog.New()
	log := &counted{Log: memory}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: memory, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{100, map[string]int64{}} },
	})
	run(t, h)
	const n = 40
	var all []sharedlog.Making
	var outs []chan told
	for i := range n {
		seat := strings.Repeat("s", i+1)
		if i == 7 {
			seat = "no \xff text" // It cannot be encoded.
		}
		m, out := making(t, seat)
		all, outs = append(all, m), append(outs, out)
	}
	h.StartAll(t.Context(), all)
	var malformed *events.Malformed
	if got := <-outs[7]; !errors.As(got.err, &malformed) {
		t.Errorf("what cannot be encoded: %+v", got)
	}
	at := int64(0)
	for i, out := range outs {
		if i == 7 {
			continue
		}
		if got := <-out; got.err != nil || !got.v.Accepted() || got.v.Offset != at {
			t.Errorf("call %d: %+v, want it accepted at %d", i, got, at)
		}
		at++
	}
	if !slices.Equal(log.batches, []int{n - 1}) {
		t.Errorf("appended were %v", log.batches)
	}
}

// Calls of a host that has ended are told so, whether they were made alone or together.
func TestCallsOfAHostThatHasEnded(t *testing.T) {
	log := memlog.New()
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{2, map[string]int64{}} },
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	if _, err := h.Call(t.Context(), take("a"), nil); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	m, out := making(t, "b")
	h.StartAll(t.Context(), []sharedlog.Making{m})
	if got := <-out; !errors.Is(got.err, sharedlog.ErrEnded) {
		t.Errorf("started together: %+v", got)
	}
	if _, err := h.Start(t.Context(), m.Message, m.Done); !errors.Is(err, sharedlog.ErrEnded) {
		t.Errorf("started alone: %v", err)
	}
}
