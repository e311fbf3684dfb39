package queue

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Listing is the ordering of a queue as it was at one place of its log. It stands in a
// temporary file, in about 60 bytes an entry; the memory that it takes follows the number
// of entries that have claims, and no other. It is for one goroutine. Close it when done.
type Listing struct {
	name   string
	at     Position
	fold   *sharedlog.FileFold
	parts  *order.Parts
	reader payloads
}

// listPause is how long List rests after an error.
const listPause = 500 * time.Millisecond

// List reads the ordering of a queue that exists, of everything that was in its log when
// List was called, no longer than ctx. Its process is no host of the queue. If there is no
// such queue the error is ErrUnknownQueue, if it was deleted ErrDeleted. c must stay open
// until the listing is closed.
func List(ctx context.Context, c *cluster.Cluster, name string, o Options) (*Listing, error) {
	o = o.withDefaults()
	if err := o.validate(name); err != nil {
		return nil, fmt.Errorf("list a queue: %w", err)
	}
	log := o.topics().QueueLogs(name)[0]
	switch n, err := c.Kafka().Partitions(ctx, log.Topic); {
	case err != nil:
		return nil, fmt.Errorf("list queue %s: %w", name, err)
	case n == 0:
		return nil, &Refused{Queue: name, What: "list", Code: events.CodeUnknownQueue}
	}
	l := &Listing{name: name, reader: payloads{log: mirrored.Of(c.Partition(log.Topic, 0))}}
	bare, err := copiedAlone(ctx, c, log.Topic)
	if err == nil {
		err = l.read(ctx, c, log.Topic, bare, o)
	}
	switch {
	case isGone(err):
		err = outcome(name, "list", err)
	case err != nil:
		err = fmt.Errorf("list queue %s: %w", name, err)
	case l.parts.Deleted():
		err = &Refused{Queue: name, What: "list", Code: events.CodeQueueDeleted}
	case !l.parts.Exists():
		err = &Refused{Queue: name, What: "list", Code: events.CodeUnknownQueue}
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// read folds the log into a file. bare: there are no snapshots.
func (l *Listing) read(ctx context.Context, c *cluster.Cluster, topic string, bare bool, o Options) error {
	of, snapshots, err := incarnationsOf(ctx, c, topic, bare)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	log := cmp.Or(o.Logger, slog.Default())
	try := following.Try(trouble.NewBoard(log), topic, 0)
	defer try.End()
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: mirrored.Of(of.log()), Topic: topic, Shared: true, Now: time.Now,
		NewFold: l.newFold, Snapshots: l.snapshots(snapshots, topic, bare, log),
		Hooks: eventlog.FollowerHooks{
			Trouble: following.Trouble(try),
			Stepped: func() {
				if err := l.fold.Err(); err != nil {
					stop(err)
				}
			},
		},
	})
	for {
		err := f.Barrier(ctx)
		if l.fold != nil && l.fold.Err() != nil {
			return l.fold.Err()
		}
		switch {
		case err == nil:
			return l.settle(f.Position(), topic)
		case ctx.Err() != nil || eventlog.Final(err):
			return err
		}
		try.Again(ctx, err, listPause)
	}
}

// snapshots are those of the queue; nil if there are none.
func (l *Listing) snapshots(of incarnation, topic string, bare bool, log *slog.Logger) *eventlog.Snapshots {
	if bare {
		return nil
	}
	return &eventlog.Snapshots{
		Log: mirrored.Of(of.log()), Topic: topic,
		OnBad: func(m *events.LogSnapshot, err error) {
			log.Warn("a snapshot cannot be used", "topic", topic, "offset", m.GetOffset(), "error", err)
		},
	}
}

// newFold begins anew, with a file of its own.
func (l *Listing) newFold() eventlog.Fold {
	l.Close()
	l.parts = &order.Parts{}
	l.fold = sharedlog.NewFileFold(l.parts, "", sharedlog.Horizon, sharedlog.Window)
	return l.fold
}

func (l *Listing) settle(at int64, topic string) error {
	if err := l.fold.Settle(); err != nil {
		return err
	}
	l.at = Position{Topic: topic, Offset: at, Now: l.parts.Now()}
	return nil
}

// Close gives the file up.
func (l *Listing) Close() {
	if l.fold != nil {
		l.fold.Close()
	}
}

// Creation is as that of a Queue: it tells the queue from others that had or will have its
// name; 0 if it is not known.
func (l *Listing) Creation() uint64 { return l.parts.Creation() }

// At is up to where the log was read: the listing is true of that place.
func (l *Listing) At() Position { return l.at }

// Entries are those behind a sequence number, in their order; the first ones are behind -1.
// An error, with which they end, is of the file.
func (l *Listing) Entries(after int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range l.parts.Entries(l.fold.Core(), after) {
			if err != nil {
				err = fmt.Errorf("list queue %s: %w", l.name, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Payload reads what an entry holds from the log, as that of a Queue does.
func (l *Listing) Payload(ctx context.Context, e Entry) (Payload, error) {
	return l.reader.payload(ctx, l.name, e)
}
