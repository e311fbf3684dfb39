package sharedlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// doubled is a log in which each record stands twice, as after an unknown outcome.
type doubled struct{ eventlog.Log }

func (d doubled) Append(ctx context.Context, records []events.Record) (int64, error) {
	if _, err := d.Log.Append(ctx, records); err != nil {
		return 0, err
	}
	return d.Log.Append(ctx, records)
}

// Callers that give up while the fold has their verdicts in its hands are told one thing, once,
// and leave nothing behind: in the end as many calls can be made as at first.
func TestCallsEndOnce(t *testing.T) {
	log := memlog.New()
	h := sharedlog.NewHost(sharedlog.Config{
		Log: doubled{log}, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{1 << 30, map[string]int64{}} },
	})
	run(t, h)
	const callers, each = 32, 150
	var told, unknown atomic.Int64
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // Of what a test does.
			for n := range each {
				ctx, giveUp := context.WithTimeout(t.Context(), time.Duration(chance.IntN(1000))*time.Microsecond)
				v, err := h.Call(ctx, take(fmt.Sprint(i, "/", n)), func(sharedlog.Core, *sharedlog.Call, sharedlog.Verdict) { told.Add(1) })
				giveUp()
				var later *sharedlog.UnknownError
				switch {
				case errors.As(err, &later):
					unknown.Add(1)
					// It stands in the log or is made again: its verdict is one of the fold's.
					if v, err = h.Resolve(t.Context(), later.Call); err != nil || !v.Accepted() {
						t.Errorf("%+v %v", v, err)
					}
				case err == nil && !v.Accepted():
					t.Errorf("%+v", v)
				}
			}
		})
	}
	calling.Wait()
	t.Logf("%d were told in time, of %d the outcome was unknown at first", told.Load(), unknown.Load())
	if told.Load() == 0 || unknown.Load() == 0 {
		t.Error("the test shows nothing: all were in time, or none")
	}
	if n, bytes := h.Waiting(); n != 0 || bytes != 0 {
		t.Errorf("%d calls with %d bytes wait for ever", n, bytes)
	}
}
