package mirrored_test

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// counted counts what is asked of a log.
type counted struct {
	*placed
	fetched int
}

func (c *counted) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	c.fetched++
	return c.placed.Fetch(ctx, from, wait)
}

// Whoever waits at the end of an empty log asks once each time, and not again what the log
// is; whatever comes to stand there is told as what it is.
func TestAnEmptyLogIsAskedOnce(t *testing.T) {
	raw := &counted{placed: newPlaced()}
	log := mirrored.Of(raw)
	empty := func(from, next int64) {
		t.Helper()
		if page, err := log.Fetch(t.Context(), from, 0); err != nil || len(page.Records) > 0 || page.Next != next {
			t.Fatalf("of an empty log it tells %+v, %v", page, err)
		}
	}
	empty(0, 0)
	raw.fetched = 0
	for range 10 {
		empty(0, 0)
	}
	if raw.fetched != 10 {
		t.Errorf("10 fetches of an empty log are %d at the broker", raw.fetched)
	}
	raw.Skip(3) // as markers of transactions do
	empty(0, 3)
	raw.fetched = 0
	empty(3, 3)
	if raw.fetched != 1 {
		t.Errorf("a fetch behind what is no record is %d at the broker", raw.fetched)
	}
	source := record(1)
	source.Offset = 7
	add(t, raw.placed, copyOf(&source, 1))
	if page, err := log.Fetch(t.Context(), 7, 0); err != nil || len(page.Records) != 1 || page.Records[0].Offset != 7 || page.Next != 8 {
		t.Errorf("the first record of a copy is told as %+v, %v", page, err)
	}
}

// What came to an empty log and went again is told at the offsets of the copy that it is.
func TestAnEmptyLogBecomesACopyUnseen(t *testing.T) {
	raw := newPlaced()
	log := mirrored.Of(raw)
	for range 2 {
		if _, err := log.Fetch(t.Context(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		source := record(n)
		source.Offset = int64(100 + n)
		add(t, raw, copyOf(&source, 1))
	}
	raw.Truncate(2)
	_, err := log.Fetch(t.Context(), 0, 0)
	if start, end, outside := eventlog.OutOfRange(err); !outside || start != 102 || end != 105 {
		t.Errorf("of a copy that holds [102, 105) it tells %v", err)
	}
}
