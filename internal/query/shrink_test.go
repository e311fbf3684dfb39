package query

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// shrinking is a log that loses all from its offset 2 on before a fetch.
type shrinking struct {
	*shelf
	fetches int
}

func (s *shrinking) Partition(string, int32) eventlog.Log { return s }

func (s *shrinking) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if s.fetches--; s.fetches == 0 {
		s.Lose(2)
	}
	return s.shelf.Fetch(ctx, from, wait)
}

// TestALossWhileReading: what a read began to read up to may never be there again. It
// ends with what is left, or says that it read what is lost.
func TestALossWhileReading(t *testing.T) {
	t.Parallel()
	log := handmade.New(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		log.Batch(task(id))
	}
	reads := map[string]func(context.Context, *Querier) error{
		"scan": func(ctx context.Context, q *Querier) error {
			return q.Scan(ctx, handmade.Topic, 0, func(*events.Record) error { return nil })
		},
		"undecided": func(ctx context.Context, q *Querier) error {
			_, err := q.undecided(ctx, 0, 0, "none")
			return err
		},
		"tail": func(ctx context.Context, q *Querier) error {
			return q.Tail(ctx, TailConfig{Topic: handmade.Topic, Partitions: []int32{0}, From: 0}, func(TailRecord) error { return nil })
		},
		"tail of what is not judged": func(ctx context.Context, q *Querier) error {
			return q.Tail(ctx, TailConfig{Topic: "spanway.tasks.requests", Partitions: []int32{0}, From: 0}, func(TailRecord) error { return nil })
		},
		"now": func(ctx context.Context, q *Querier) error {
			_, err := q.Tasks(ctx, TaskQuery{Pool: events.DefaultPool})
			return err
		},
		"a moment": func(ctx context.Context, q *Querier) error {
			_, err := q.Tasks(ctx, TaskQuery{Pool: events.DefaultPool, At: AtTime(time.UnixMilli(1 << 42))})
			return err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // They wait more than they work.
			for fetches := 1; fetches < 9; fetches++ {
				s := &shrinking{newShelf(), fetches}
				s.PageRecords = 1
				s.add(t, log.Records...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				err := read(ctx, New(Config{Logs: s}))
				if ctx.Err() != nil {
					t.Errorf("with a loss at fetch %d it waits for ever: %v", fetches, err)
				}
				cancel()
			}
		})
	}
}
