package query

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// tailWait is how long one fetch waits for something to come.
const tailWait = 500 * time.Millisecond

// Record reads the one record at a place.
func (q *Querier) Record(ctx context.Context, at events.Place) (*events.Record, error) {
	page, err := q.logs.Partition(at.Topic, at.Partition).Fetch(ctx, at.Offset, tailWait)
	if eventlog.IsOutOfRange(err) {
		return nil, &client.Refused{Code: "NO_RECORD", Message: err.Error()}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%d@%d: %w", at.Topic, at.Partition, at.Offset, err)
	}
	i := slices.IndexFunc(page.Records, func(r events.Record) bool { return r.Offset == at.Offset })
	if i < 0 {
		return nil, &client.Refused{Code: "NO_RECORD", Message: fmt.Sprintf("%s/%d holds no record at %d", at.Topic, at.Partition, at.Offset)}
	}
	return &page.Records[i], nil
}

// Scan gives every record of a partition that was there when it began, judged by
// nobody, in order. The record must not be kept.
func (q *Querier) Scan(ctx context.Context, topic string, partition int32, see func(*events.Record) error) error {
	start, end, err := q.offsets(ctx, topic, partition)
	if err != nil {
		return err
	}
	log := q.logs.Partition(topic, partition)
	for next := start; next < end; {
		page, err := log.Fetch(ctx, next, tailWait)
		if err != nil {
			return fmt.Errorf("read %s/%d@%d: %w", topic, partition, next, err)
		}
		for i := range page.Records {
			if r := &page.Records[i]; r.Offset >= next {
				if err := see(r); err != nil {
					return err
				}
			}
		}
		next = page.Next
	}
	return nil
}

// TailConfig says what to read of a topic.
type TailConfig struct {
	Topic      string
	Partitions []int32
	// From is the offset to begin at; if negative: Last records before the end.
	From, Last int64
	// Follow goes on with what comes, until the context ends.
	Follow bool
}

// TailRecord is a record as it stands in a topic.
type TailRecord struct {
	Topic     string
	Partition int32
	Record    *events.Record
	// Judged: it is known whether the record counts; only on tasks.events.
	Judged, Counts bool
}

// Tail calls see for each record, in order within a partition and never twice
// at once, until it has read what was there when it began (or ctx ends, which
// is no error, if it follows).
func (q *Querier) Tail(ctx context.Context, cfg TailConfig, see func(TailRecord) error) error {
	var readers []*rawTail
	for _, p := range cfg.Partitions {
		t, err := q.rawTail(ctx, cfg, p)
		if err != nil {
			return err
		}
		readers = append(readers, t)
	}
	for _, t := range readers {
		for t.next < t.end {
			batch, err := t.poll(ctx)
			if err != nil {
				return err
			}
			for _, r := range batch {
				if err := see(r); err != nil {
					return err
				}
			}
		}
	}
	if !cfg.Follow {
		return nil
	}
	return followAll(ctx, readers, see)
}

// rawTail reads one partition; on tasks.events by way of a judging reader, which
// begins before the first record that is asked for, so as to judge that one too.
type rawTail struct {
	topic     string
	partition int32
	log       eventlog.Log
	judge     *eventlog.Reader
	from      int64
	next, end int64
}

func (q *Querier) rawTail(ctx context.Context, cfg TailConfig, p int32) (*rawTail, error) {
	start, end, err := q.offsets(ctx, cfg.Topic, p)
	if err != nil {
		return nil, err
	}
	t := &rawTail{topic: cfg.Topic, partition: p, log: q.logs.Partition(cfg.Topic, p), next: cfg.From, end: end}
	if cfg.From < 0 {
		t.next = end - cfg.Last
	}
	t.next = min(max(t.next, start), end)
	t.from = t.next
	if cfg.Topic == q.topics.Events() {
		if t.next, err = boundary(ctx, t.log, start, t.from); err != nil {
			return nil, fmt.Errorf("look for the batch at %s/%d@%d: %w", t.topic, p, t.from, err)
		}
		t.judge = eventlog.NewReaderAt(t.log, t.topic, p, t.next)
	}
	return t, nil
}

// poll reads the next page.
func (t *rawTail) poll(ctx context.Context) ([]TailRecord, error) {
	var out []TailRecord
	add := func(r *events.Record, judged, counts bool) {
		if r.Offset < t.from {
			return
		}
		kept := *r
		out = append(out, TailRecord{Topic: t.topic, Partition: t.partition, Record: &kept, Judged: judged, Counts: counts})
	}
	if t.judge == nil {
		page, err := t.log.Fetch(ctx, t.next, tailWait)
		if err != nil {
			return nil, fmt.Errorf("read %s/%d@%d: %w", t.topic, t.partition, t.next, err)
		}
		for i := range page.Records {
			if page.Records[i].Offset >= t.next {
				add(&page.Records[i], false, false)
			}
		}
		t.next = page.Next
		return out, nil
	}
	t.judge.OnSkip = func(_ eventlog.Skip, records []events.Record) {
		for i := range records {
			add(&records[i], !t.judge.Judge().Unanchored, false)
		}
	}
	err := t.judge.Poll(ctx, tailWait, func(_ events.Logged, r *events.Record) { add(r, true, true) })
	t.next = t.judge.Next()
	return out, err
}

// followAll polls all tails at once, each in a goroutine of its own, and hands
// what they give to see, one by one.
func followAll(ctx context.Context, tails []*rawTail, see func(TailRecord) error) error {
	var one sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range tails {
		group.Go(func() error {
			for ctx.Err() == nil {
				batch, err := t.poll(ctx)
				if err != nil && ctx.Err() == nil {
					return err
				}
				if err := seeAll(&one, batch, see); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func seeAll(one *sync.Mutex, batch []TailRecord, see func(TailRecord) error) error {
	one.Lock()
	defer one.Unlock()
	for _, r := range batch {
		if err := see(r); err != nil {
			return err
		}
	}
	return nil
}
