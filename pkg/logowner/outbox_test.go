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
	o := &outbox{producer: h, log: slog.New(slog.DiscardHandler)}
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
	want(20, 10)
	h.done[1](0, nil)
	want(20, 10)
	h.done[0](0, nil)
	want(20, 11)
	h.done[2](0, errors.New("the producer is closed"))
	want(20, 11)
	h.done[2](0, refusal{errors.New("too large")})
	want(20, 15)
	want(12, 12)
	o.Reset()
	want(20, 20)
	o.Send(30, "t", 0, events.Record{})
	h.done[3](0, nil) // From before the reset.
	want(40, 30)
	h.done[4](0, nil)
	want(40, 40)
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
	o := &outbox{producer: h, log: slog.New(logged)}
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
