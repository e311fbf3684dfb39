package logowner

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// newLeader is a log whose leader, while it hides, shows nothing of what there is.
type newLeader struct {
	eventlog.Log
	hides atomic.Bool
}

func (l *newLeader) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Log.Fetch(ctx, from, 0)
	if l.hides.Load() {
		return events.Page{Next: from, End: from, Term: 1}, err
	}
	page.Term = 2
	return page, err
}

// An input whose leader hides what was read is asked again: that is told, and that it
// passed.
func TestAnInputThatHidesIsTold(t *testing.T) {
	t.Parallel()
	requests := &newLeader{Log: memlog.New()}
	put(t, requests, "a", "b")
	in := newInputs(t, requests, memlog.New())
	lines := make(told, 100)
	in.requests.board = trouble.NewBoard(slog.New(slog.NewTextHandler(lines, nil)))
	in.Seek(nil)
	collect(t, in, 2)
	requests.hides.Store(true)
	lines.await(t, in, `doing="read the input requests/0"`)
	requests.hides.Store(false)
	lines.await(t, in, "it goes on again")
}

// told are the lines of a log.
type told chan string

func (l told) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// await reads the inputs until a line comes.
func (l told) await(t *testing.T, in *inputs, text string) {
	t.Helper()
	for late := time.After(60 * time.Second); ; {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("the log does not say %q", text)
		default:
			if _, err := in.Next(t.Context(), eventlog.Wait{For: 10 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
