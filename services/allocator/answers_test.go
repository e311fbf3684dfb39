package allocator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// gate is a log that takes a batch when it is let through.
type gate struct {
	eventlog.Log
	asked chan int      // how many records a batch has
	open  chan struct{} // one in it for each batch that may pass
}

func (g *gate) Append(ctx context.Context, records []events.Record) (int64, error) {
	g.asked <- len(records)
	select {
	case <-g.open:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return g.Log.Append(ctx, records)
}

func aRequest(t *testing.T, id string) *request {
	return &request{
		command:  command{space: "spi", requestID: id, typ: events.TypeOf(&events.IdsRangeRequested{})},
		incoming: &incoming{ctx: t.Context(), told: make(chan error, 1), left: 1},
	}
}

// What is decided together is answered in one batch, and none of it is told before the
// answer is in the log. What has no answer when the host ends is told that.
func TestAnAnswerIsToldOnceItIsInTheLog(t *testing.T) {
	memory := memlog.New()
	log := &gate{Log: memory, asked: make(chan int, 1), open: make(chan struct{}, 1)}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: memory, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return idspace.New() },
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	hosted, answered := make(chan error, 1), make(chan struct{})
	go func() { hosted <- h.Run(ctx) }()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := newAnswers(h, steady.New(steady.Read()).Now, m)
	go func() { defer close(answered); a.run(ctx) }()
	unfollow, err := a.follow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer unfollow()
	first, second, late := aRequest(t, "a"), aRequest(t, "b"), aRequest(t, "c")
	asked := func(want int, none ...*request) {
		t.Helper()
		select {
		case n := <-log.asked:
			if n != want {
				t.Errorf("%d answers are one batch, want %d", n, want)
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing is answered")
		}
		for _, r := range none {
			if len(r.told) > 0 {
				t.Errorf("%s is told %v before its answer is in the log", r.requestID, <-r.told)
			}
		}
	}
	a.add(outcome{code: events.CodeBadCount}, first, second)
	a.flush()
	asked(2, first, second)
	log.open <- struct{}{}
	for _, r := range []*request{first, second} {
		if err := <-r.told; err != nil {
			t.Errorf("%s is told %v", r.requestID, err)
		}
	}
	a.add(outcome{code: events.CodeBadCount}, late)
	a.flush()
	asked(1, late)
	stop()
	if err := <-late.told; !errors.As(err, new(*sharedlog.UnknownError)) {
		t.Errorf("an answer that is not in the log: %v", err)
	}
	if err := <-hosted; err != nil {
		t.Error(err)
	}
	<-answered
}
