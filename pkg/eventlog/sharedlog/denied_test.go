package sharedlog_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// denying is a log that is denied to whoever reads it, for as long as there is a reason.
type denying struct {
	*memlog.Log
	why   atomic.Pointer[error]
	tried chan struct{}
}

func (l *denying) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if why := l.why.Load(); why != nil {
		select {
		case l.tried <- struct{}{}:
		default:
		}
		return events.Page{}, *why
	}
	return l.Log.Fetch(ctx, from, min(wait, 20*time.Millisecond))
}

func (l *denying) deny(why error) {
	l.why.Store(&why)
	<-l.tried
}

// goneError is denied for good, forbiddenError is a right that is missing.
type (
	goneError      struct{}
	forbiddenError struct{}
)

func (goneError) Error() string        { return "the log was deleted" }
func (goneError) Denied() bool         { return true }
func (forbiddenError) Error() string   { return "the right to read is missing" }
func (forbiddenError) Denied() bool    { return true }
func (forbiddenError) Forbidden() bool { return true }

// A right that is taken away while a host runs does not end it: it says what is missing, and
// goes on when that is given back. A right that is missing from the beginning ends it, and so
// does at any time what no right mends.
func TestADenialWhileItRuns(t *testing.T) {
	log := &denying{Log: memlog.New(), tried: make(chan struct{}, 1)}
	host := func() *sharedlog.Host {
		return sharedlog.NewHost(sharedlog.Config{
			Log: log.Log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
			NewCore: func() sharedlog.Core { return &seats{1 << 30, map[string]int64{}} },
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h, ended := host(), make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	if _, err := h.Call(ctx, take("first"), nil); err != nil {
		t.Fatal(err)
	}
	log.deny(forbiddenError{})
	for err := error(nil); err == nil && ctx.Err() == nil; {
		if err = h.Trouble(); err != nil && !errors.Is(err, forbiddenError{}) {
			t.Errorf("it says %v", err)
		}
		select {
		case <-log.tried: // Again and again.
		case err := <-ended:
			t.Fatalf("it ended with %v", err)
		}
	}
	log.why.Store(nil)
	if _, err := h.Call(ctx, take("second"), nil); err != nil {
		t.Fatalf("when the right is there again: %v", err)
	}
	if err := h.Read(ctx, false, func(sharedlog.Core, sharedlog.Position) {}); err != nil { // Then the page was taken.
		t.Fatal(err)
	}
	if err := h.Trouble(); err != nil {
		t.Errorf("when the right is there again it says %v", err)
	}
	log.deny(goneError{})
	if err := <-ended; !errors.Is(err, goneError{}) || eventlog.IsForbidden(err) {
		t.Errorf("it ended with %v", err)
	}
	var missing error = forbiddenError{}
	log.why.Store(&missing)
	if err := host().Run(ctx); !errors.Is(err, forbiddenError{}) {
		t.Errorf("without the right from the beginning: %v", err)
	}
}
