package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/site"
)

// QueueRules are those that the queue of a site must be created with.
var QueueRules = queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_SEQUENCE}

// OnQueue is the Queue that is events.SiteQueue of the site.
func OnQueue(q *queue.Queue) Queue { return onQueue{q} }

type onQueue struct{ q *queue.Queue }

// Held implements Queue. What this host has folded will do: all that it does itself is in it.
func (o onQueue) Held(ctx context.Context) (Held, error) {
	i, err := o.q.Info(ctx, false)
	if err != nil {
		return Held{}, err
	}
	held := Held{Last: i.Last, Next: i.Next}
	if i.Head != nil {
		held.Head, err = queue.ParseSequence(i.Head.ID)
	}
	return held, err
}

// Put implements Queue.
func (o onQueue) Put(ctx context.Context, items []queue.Item) error {
	results, err := o.q.EnqueueAll(ctx, items)
	if err != nil {
		return err
	}
	for _, r := range results {
		switch {
		case r.Err == nil, errors.Is(r.Err, queue.ErrDuplicate), errors.Is(r.Err, queue.ErrAlreadyRemoved):
		case errors.Is(r.Err, queue.ErrOldTerm):
			return fmt.Errorf("%w: %w", ErrNewerTerm, r.Err)
		case errors.Is(r.Err, queue.ErrOutOfSequence):
			return fmt.Errorf("%w: %w", ErrMoved, r.Err)
		default:
			return r.Err
		}
	}
	return nil
}

// Trim implements Queue.
func (o onQueue) Trim(ctx context.Context, through uint64) error {
	return o.q.Trim(ctx, through, "applied, or replaced by a full sync")
}

// OnInbox is the Inbox of a site on its cluster, of which no other delivery has the connection.
// Source is that of the records.
func OnInbox(c *cluster.Cluster, topics events.Topics, source string) Inbox {
	sends := messaging.Sends(tracer, topics.NetworkInbox())
	return &appender{log: c.Partition(topics.NetworkInbox(), 0), encoder: events.Encoder{Source: source}, sends: &sends}
}

// OnRequests are the Requests on the cluster of the global manager.
func OnRequests(c *cluster.Cluster, topics events.Topics, source string) Requests {
	return &appender{log: c.Partition(topics.NetworkRequests(), 0), encoder: events.Encoder{Source: source}}
}

// appender appends messages to a topic of one partition.
type appender struct {
	encoder events.Encoder
	sends   *messaging.Spans // nil: what is appended is not traced

	mu  sync.Mutex // of what follows: one call at a time
	log eventlog.Log
}

// Append implements Inbox.
func (a *appender) Append(ctx context.Context, messages []Message) (err error) {
	sent := traced(a.sends, messages)
	defer func() { sent(err) }()
	records := make([]events.Record, len(messages))
	for i, m := range messages {
		if records[i], err = a.encoder.Encode(m.ID, m.Message, m.headers()...); err != nil {
			return fmt.Errorf("write %s: %w", m.ID, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for from := 0; from < len(records); {
		to, bytes := from, 0
		for to < len(records) && (to == from || bytes+records[to].Size() <= maxBatchBytes) {
			bytes += records[to].Size()
			to++
		}
		if _, err := a.log.Append(ctx, records[from:to]); err != nil {
			return fmt.Errorf("append %s and %d others: %w", messages[from].ID, to-from-1, err)
		}
		from = to
	}
	return nil
}

// maxBatchBytes bounds what is appended at once. A single message is smaller.
const maxBatchBytes = 512 << 10

// Report implements Requests. A report has no ID that is remembered: it says what is so.
func (a *appender) Report(ctx context.Context, report *events.NetworkSiteReport) error {
	id := fmt.Sprintf("%s.%d-%d.%d", report.Site, report.Term, report.Sequence, report.Sync)
	return a.Append(ctx, []Message{{id, report}})
}

// OnStatus is the Status of a site on its cluster.
func OnStatus(c *cluster.Cluster, topics events.Topics, name string) Status {
	return &onStatus{c, topics, name}
}

type onStatus struct {
	cluster *cluster.Cluster
	topics  events.Topics
	site    string
}

// Follow implements Status, by a fold of the log that begins at the newest snapshot.
func (o *onStatus) Follow(ctx context.Context, see func(Seen)) error {
	topic := o.topics.NetworkStatus()
	try := following.Try(o.cluster.Kafka().Board(), topic, 0)
	defer try.End()
	refused, caughtUp := uint64(0), false
	var f *eventlog.Follower
	tell := func() {
		if caughtUp = caughtUp || f.Next() >= f.End(); caughtUp {
			seen := SeenOf(f.Fold().(*site.Core))
			seen.Refused = refused
			see(seen)
		}
	}
	f = eventlog.NewFollower(eventlog.FollowerConfig{
		Log: o.cluster.Partition(topic, 0), Topic: topic, Now: time.Now, Pause: following.Pause,
		NewFold:   func() eventlog.Fold { return site.New(site.Config{Site: o.site, Topics: o.topics}) },
		Snapshots: &eventlog.Snapshots{Log: o.cluster.Partition(events.Snapshots(topic), 0), Topic: topic},
		Hooks: eventlog.FollowerHooks{
			Visit: func(l events.Logged, _ *events.Record) {
				if m, ok := l.Message.(*events.NetworkEntryDeclined); ok && refuses(m.Code) {
					refused++
				}
			},
			Began:   func(eventlog.Beginning) { caughtUp = false },
			Stepped: tell,
			Trouble: following.Trouble(try),
		},
	})
	if err := f.Run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow %s: %w", topic, err)
	}
	return nil
}
