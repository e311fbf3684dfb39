package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// shelf is one log in memory, which can fail. It is safe for concurrent use.
type shelf struct {
	*memlog.Log
	fault atomic.Pointer[error]
	// read is told of each fetch: from where.
	read chan int64
}

func newShelf() *shelf { return &shelf{Log: memlog.New(), read: make(chan int64)} }

func (s *shelf) Partition(string, int32) eventlog.Log { return s }

func (s *shelf) Offsets(ctx context.Context, _ string, _ int32) (start, end int64, err error) {
	return eventlog.Bounds(ctx, s.Log)
}

func (s *shelf) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if err := s.fault.Load(); err != nil {
		return events.Page{}, *err
	}
	select {
	case s.read <- from:
	default:
	}
	return s.Log.Fetch(ctx, from, wait)
}

func (s *shelf) add(t *testing.T, records ...events.Record) {
	t.Helper()
	if _, err := s.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// await waits until what is before an offset was read.
func (s *shelf) await(t *testing.T, from int64) {
	t.Helper()
	for {
		select {
		case at := <-s.read:
			if at >= from && at < math.MaxInt64-1 { // That one asks where the log ends.
				return
			}
		case <-t.Context().Done():
			t.Fatalf("nothing reads from %d on", from)
		}
	}
}

func task(id string) *events.TaskAccepted {
	return &events.TaskAccepted{Task: &events.Task{Id: id, Pool: "default"}, AtMs: 1}
}

// follow runs Tail on a shelf, from its start on; what it prints is told at its end.
func follow(s *shelf, topic string, logger *slog.Logger) (ended <-chan error, seen *[]string) {
	seen = &[]string{}
	done := make(chan error, 1)
	q := New(Config{Logs: s, Board: trouble.NewBoard(logger)})
	go func() {
		done <- q.Tail(context.Background(), TailConfig{
			Topic: topic, Partitions: []int32{handmade.Partition}, Follow: true,
			Rewound: func(from events.Place) { *seen = append(*seen, fmt.Sprint("<", from.Offset)) },
		}, func(r TailRecord) error {
			if *seen = append(*seen, fmt.Sprint(r.Record.Offset)); r.Judged != r.Counts {
				return fmt.Errorf("%d does not count", r.Record.Offset)
			}
			if strings.Contains(string(r.Record.Value), "last") {
				return errLast
			}
			return nil
		})
	}()
	return done, seen
}

var errLast = errors.New("the last record")

// TestTailOverALostTail: what stands in the place of what is lost is printed, and
// from where on.
func TestTailOverALostTail(t *testing.T) {
	before, after := handmade.New(t), handmade.New(t)
	for _, l := range []*handmade.Log{before, after} {
		l.Batch(task("a"))
	}
	before.Batch(task("b"))
	before.Batch(task("c"))
	after.Claim()
	for _, id := range []string{"d", "e", "last"} {
		after.Batch(task(id))
	}
	s := newShelf()
	s.PageRecords = 1
	s.add(t, before.Records...)
	ended, seen := follow(s, handmade.Topic, nil)
	s.await(t, 4)
	s.Lose(2)
	s.add(t, after.Records[2:]...)
	if err := <-ended; !errors.Is(err, errLast) {
		t.Fatalf("it ends with %v", err)
	}
	if got := strings.Join(*seen, " "); got != "0 1 2 3 <2 2 3 4 5" {
		t.Errorf("it gave %s", got)
	}
}

// TestATailThatBeginsBeyondTheEnd is refused, be its topic judged or not, with where
// the end is; at the end itself there is nothing yet.
func TestATailThatBeginsBeyondTheEnd(t *testing.T) {
	for _, topic := range []string{handmade.Topic, "spanway.tasks.requests"} {
		s, log := newShelf(), handmade.New(t)
		log.Batch(task("a"))
		s.add(t, log.Records...)
		end := int64(len(log.Records))
		from := func(at int64) error {
			return New(Config{Logs: s}).Tail(t.Context(), TailConfig{Topic: topic, Partitions: []int32{handmade.Partition}, From: at},
				func(TailRecord) error { return errLast })
		}
		if err := from(end + 1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the partition ends at %d", end)) {
			t.Errorf("%s from beyond its end: %v", topic, err)
		}
		if err := from(end); err != nil {
			t.Errorf("%s from its end: %v", topic, err)
		}
	}
}

type denial struct{}

func (denial) Error() string { return "the principal may not read" }
func (denial) Denied() bool  { return true }

// TestWhatDoesNotPassEndsATail, be its topic judged or not; what passes is logged.
func TestWhatDoesNotPassEndsATail(t *testing.T) {
	for _, topic := range []string{handmade.Topic, "spanway.tasks.requests"} {
		t.Run(topic, func(t *testing.T) {
			s := newShelf()
			log := handmade.New(t)
			s.add(t, log.Records...)
			warned := make(warnings, 10)
			ended, _ := follow(s, topic, slog.New(warned))
			s.await(t, 1)
			away, denied := errors.New("the broker is away"), error(denial{})
			s.fault.Store(&away)
			log.Batch(task("a"))
			s.add(t, log.Records[1:]...) // It wakes the tail.
			if got := <-warned; !strings.Contains(got, "trying again") {
				t.Errorf("logged %q", got)
			}
			s.fault.Store(nil)
			if got := <-warned; !strings.Contains(got, "it goes on again") {
				t.Errorf("logged %q", got)
			}
			s.fault.Store(&denied)
			if err := <-ended; !eventlog.IsDenied(err) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// warnings are the messages that were logged.
type warnings chan string

func (warnings) Enabled(context.Context, slog.Level) bool { return true }
func (w warnings) Handle(_ context.Context, r slog.Record) error {
	w <- r.Message
	return nil
}
func (w warnings) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w warnings) WithGroup(string) slog.Handler      { return w }
