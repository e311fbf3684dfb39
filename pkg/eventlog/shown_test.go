package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// partly is a log whose leader is new: it shows what is below shows only, and gives an
// empty page beyond, as Kafka does between the high watermark and the end of the log.
type partly struct {
	eventlog.Log
	shows int64
}

func (l *partly) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Log.Fetch(ctx, from, 0)
	var r *eventlog.OutOfRangeError
	if errors.As(err, &r) {
		return page, &eventlog.OutOfRangeError{From: from, Start: r.Start, End: min(r.End, l.shows)}
	}
	if err != nil {
		return page, err
	}
	page.End = min(page.End, l.shows)
	n := 0
	for n < len(page.Records) && page.Records[n].Offset < l.shows {
		n++
	}
	page.Records = page.Records[:n]
	page.Next = max(from, min(page.Next, l.shows))
	return page, nil
}

// A follower that is to look from an offset which a new leader does not show yet misses
// nothing of what stands from there on.
func TestFollowerBeginsBeyondWhatIsShown(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d", "e")
	log := &partly{s.log, 2}
	f := follow(log, true, func(cfg *eventlog.FollowerConfig) { cfg.From = 4 })
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.shows = s.log.End()
	f.barrier(t, log)
	if fmt.Sprint(f.visited) != "[d e]" {
		t.Errorf("visited %v", f.visited)
	}
}

// What a new leader does not show yet cannot be judged; a reader that left it out would
// judge all that follows otherwise.
func TestReaderBehindWhatIsNotShown(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d")
	log := &partly{s.log, 2}
	if r, err := eventlog.NewReaderBehind(t.Context(), log, topic, 3, 4); err == nil {
		t.Errorf("a reader at %d, though what is before 4 is not shown", r.Next())
	}
	log.shows = s.log.End()
	if r, err := eventlog.NewReaderBehind(t.Context(), log, topic, 3, 4); err != nil || r.Next() != 4 {
		t.Error(r, err)
	}
}
