package scheduler

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// held keeps what was sent until the test acknowledges it.
type held struct{ done []func(int64, error) }

func (h *held) Send(_ string, _ int32, _ events.Record, done func(int64, error)) {
	h.done = append(h.done, done)
}

type refusal struct{ error }

func (refusal) Refused() bool { return true }

func TestOutboxKnowsHowFarTheLogIsPublished(t *testing.T) {
	t.Parallel()
	h := &held{}
	o := &outbox{sender: h, log: slog.New(slog.DiscardHandler)}
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
