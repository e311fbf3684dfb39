package sim

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// Counted is one event that counts, and the source of its record.
type Counted struct {
	events.Logged
	Source string
}

// Judge reads a log from an offset to its end, as any reader would.
func Judge(log eventlog.Log, from int64) ([]Counted, error) {
	var out []Counted
	r := eventlog.NewReaderAt(log, "", 0, from)
	err := r.Barrier(context.Background(), func(l events.Logged, rec *events.Record) {
		source, _ := rec.Header(events.HeaderSource)
		out = append(out, Counted{l, string(source)})
	})
	return out, err
}

// Agree checks that every reader agrees with log, whatever the batches and pages
// on its way, and that one that begins later agrees from where it can judge (G6).
func Agree(w *World, records *memlog.Log, log []Counted) error {
	single := memlog.New()
	single.PageRecords = 7
	for _, r := range records.Records() {
		_, _ = single.Append(context.Background(), []events.Record{r})
	}
	again, err := Judge(single, 0)
	if err != nil {
		return err
	}
	if !sameEvents(log, again) {
		return fmt.Errorf("a reader of single records counts %d events, one of batches %d", len(again), len(log))
	}
	from := w.Rand.Int64N(records.End())
	late, err := Judge(records, from)
	if err != nil {
		return err
	}
	if len(late) > len(log) || !sameEvents(log[len(log)-len(late):], late) {
		return fmt.Errorf("a reader from %d on counts other events than one from the beginning", from)
	}
	return nil
}

func sameEvents(a, b []Counted) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Offset != b[i].Offset || a[i].Epoch != b[i].Epoch || a[i].N != b[i].N || !proto.Equal(a[i].Message, b[i].Message) {
			return false
		}
	}
	return true
}

// CheckEpochs checks that epochs begin with a claim and hold only what the
// claimant wrote, numbered without gaps (G6).
func CheckEpochs(log []Counted) error {
	owner, epoch, n := "", uint32(0), uint32(0)
	for _, l := range log {
		if m, ok := l.Message.(*events.LogClaimed); ok {
			owner, epoch, n = m.Owner, epoch+1, 0
		}
		if l.Epoch != epoch || l.N != n || l.Source != owner {
			return fmt.Errorf("offset %d: event %d/%d of %s counts in epoch %d of %s, number %d expected",
				l.Offset, l.Epoch, l.N, l.Source, epoch, owner, n)
		}
		n++
	}
	return nil
}
