package logowner

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// held keeps what was sent until the test acknowledges it.
type held struct {
	done []func(int64, error)
	last events.Record
}

func (h *held) Send(_ string, _ int32, rec events.Record, done func(int64, error)) {
	h.last, h.done = rec, append(h.done, done)
}

func (h *held) Close(context.Context) error { return nil }

type refusal struct{ error }

func (refusal) Refused() bool { return true }

func TestOutboxKnowsHowFarTheLogIsPublished(t *testing.T) {
	t.Parallel()
	h := &held{}
	o := newOutbox(h, slog.New(slog.DiscardHandler))
	want := func(limit, through int64) {
		t.Helper()
		if got := o.Through(limit); got != through {
			t.Errorf("through %d, want %d", got, through)
		}
	}
	want(7, 7)
	for _, offset := range []int64{10, 11, 11, 15} {
		o.Send(offset, "t", 0, events.Record{})
	}
	o.Send(8, "t", 1, events.Record{}) // It was held back.
	want(20, 8)
	h.done[4](0, nil)
	want(20, 10)
	h.done[0](0, nil)
	want(20, 11)
	h.done[1](0, nil)
	want(20, 11)
	h.done[2](0, refusal{errors.New("too large")})
	want(20, 15)
	want(12, 12)
	h.done[3](0, errors.New("the producer is closed"))
	want(20, 15)
	o.Reset()
	want(20, 20)
	o.Send(30, "t", 0, events.Record{})
	o.Reset()
	o.Send(31, "t", 0, events.Record{})
	h.done[5](0, nil) // From before the reset.
	want(40, 31)
	h.done[6](0, nil)
	want(40, 40)
}

// A partition that takes nothing has no room after a bounded number of bytes; others
// do. Room comes back with acknowledgements, whoever sent.
func TestOutboxHasRoomForEachPartition(t *testing.T) {
	t.Parallel()
	h := &held{}
	o := newOutbox(h, slog.New(slog.DiscardHandler))
	rec := events.Record{Value: make([]byte, targetBytes/4)}
	n := 0
	for ; o.Room("t", 0); n++ {
		o.Send(int64(n), "t", 0, rec)
	}
	if n != 4 || !o.Room("t", 1) {
		t.Fatalf("%d records of a quarter of the bound fit", n)
	}
	if o.notify("t", 0, rec) || !o.notify("t", 1, rec) {
		t.Error("a notice was sent where there is no room, or not where there is")
	}
	o.Reset()
	if o.Room("t", 0) {
		t.Error("what was queued before a reset takes no room")
	}
	h.done[0](0, nil)
	if !o.Room("t", 0) {
		t.Error("no room after an acknowledgement")
	}
	if through := o.Through(9); through != 9 {
		t.Errorf("through %d", through)
	}
}

type traceKey struct{}

// inTrace keeps the trace in which something was logged.
type inTrace struct {
	slog.Handler
	seen any
}

func (h *inTrace) Enabled(context.Context, slog.Level) bool { return true }

func (h *inTrace) Handle(ctx context.Context, _ slog.Record) error {
	h.seen = ctx.Value(traceKey{})
	return nil
}

// A program may add headers to what is published, and hears what became of it; a
// refusal is logged in its context.
func TestPublishingIsToldAndLoggedInItsTrace(t *testing.T) {
	t.Parallel()
	h, logged := &held{}, &inTrace{Handler: slog.DiscardHandler}
	var told error
	o := newOutbox(h, slog.New(logged))
	o.publishing = func(_ int64, _ int32, rec *events.Record) (context.Context, func(int64, error)) {
		rec.Headers = append(rec.Headers, events.Header{Key: "traced"})
		return context.WithValue(context.Background(), traceKey{}, "trace"), func(_ int64, err error) { told = err }
	}
	o.Send(1, "t", 0, events.Record{})
	h.done[0](0, refusal{errors.New("too large")})
	if told == nil || logged.seen != "trace" || len(h.last.Headers) != 1 {
		t.Errorf("told %v, logged in %v, sent with %v", told, logged.seen, h.last.Headers)
	}
}
