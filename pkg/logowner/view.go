package logowner

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// view says which records of an input are handed on. A log that judges itself has
// its own; that of shared logs comes with package eventlog/sharedlog.
type view interface {
	// moved says that what is taken next is read from another offset than behind what
	// was taken last.
	moved()
	// begin is called before each page that is taken, with the offset from which it
	// was read: after a move the view gets ready to take from there.
	begin(ctx context.Context, log eventlog.Log, from int64) error
	// take gives hand what counts in the page that was read from behind the last one.
	// The page does not change afterwards.
	take(page *events.Page, hand func(*events.Record))
}

// everything is the view of a plain topic: every record is handed on.
type everything struct{}

func (everything) moved()                                           {}
func (everything) begin(context.Context, eventlog.Log, int64) error { return nil }
func (everything) take(page *events.Page, hand func(*events.Record)) {
	for i := range page.Records {
		hand(&page.Records[i])
	}
}

// counted is the view of an owned log: a batch is handed on whole, when all of it was
// read, and only if it counts. Among its events are those of the log's runtime, such
// as claims: a position must not stay behind because nothing else happens.
//
// A position is the offset behind an event that was decided: the end of a batch,
// except where an owner had to cut its own batch inside a large one. Wherever it is,
// the reader is anchored before it and judges that batch whole; of its events those
// below the position are not handed on again.
type counted struct {
	at     eventlog.TopicPartition
	reader *eventlog.Reader // nil until begin
	from   int64
	// skipped, if set, is told what does not count.
	skipped func(why eventlog.Skip, records []events.Record)
}

func (v *counted) moved() { v.reader = nil }

func (v *counted) begin(ctx context.Context, log eventlog.Log, from int64) error {
	if v.reader != nil {
		return nil
	}
	r, err := eventlog.NewReaderBehind(ctx, log, v.at.Topic, v.at.Partition, from)
	if err != nil {
		return fmt.Errorf("judge the input %s/%d up to %d: %w", v.at.Topic, v.at.Partition, from, err)
	}
	v.reader, v.from = r, from
	r.OnSkip = v.skipped
	return nil
}

func (v *counted) take(page *events.Page, hand func(*events.Record)) {
	v.reader.Take(*page, func(_ events.Logged, rec *events.Record) {
		if rec.Offset >= v.from {
			hand(rec)
		}
	})
}
