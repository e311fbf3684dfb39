package eventlogtest

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// New makes a new, empty partition. Each call of open gives another writer's
// and reader's handle on it.
type New func(t *testing.T) (open func() eventlog.Log)

// Run tests the contract on logs that newLog makes. Its subtests are parallel.
func Run(t *testing.T, newLog New) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func() eventlog.Log)
	}{
		{"an empty log is a page without records", emptyLog},
		{"records come back as they were, in order", roundTrip},
		{"a fetch begins anywhere up to the end", fetchAnywhere},
		{"a fetch outside of the log says what there is", outOfRange},
		{"a fetch waits for what comes", waits},
		{"a fetch gives up waiting", waitsNoLonger},
		{"a fetch ends with its context", waitsWithContext},
		{"memory is not shared with the caller", memory},
		{"a large batch comes back whole", largeBatch},
		{"many writers, one order", manyWriters},
		{"two claimants at once: one owner", twoClaimants},
		{"what a zombie writes does not count", zombie},
		{"a repeated batch counts once", repeated},
		{"an owner hands over to the next", handOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newLog(t))
		})
	}
}

// patience bounds what a test waits for; nothing takes that long unless broken.
const patience = 60 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func appendAt(t *testing.T, log eventlog.Log, want int64, batch ...events.Record) {
	t.Helper()
	base, err := log.Append(within(t), batch)
	if err != nil || base != want {
		t.Fatalf("append of %d records: offset %d, %v; want %d", len(batch), base, err, want)
	}
}

// readAll reads from an offset to the end.
func readAll(t *testing.T, log eventlog.Log, from int64) []events.Record {
	t.Helper()
	var out []events.Record
	for {
		page, err := log.Fetch(within(t), from, 0)
		if err != nil {
			t.Fatalf("fetch from %d: %v", from, err)
		}
		out = append(out, page.Records...)
		if page.Next < from || page.Next > page.End {
			t.Fatalf("fetch from %d: next is %d, end %d", from, page.Next, page.End)
		}
		if from = page.Next; from == page.End {
			return out
		}
	}
}
