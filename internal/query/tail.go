package query

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// TailConfig says what to read of a topic.
type TailConfig struct {
	Topic      string
	Partitions []int32
	// From is the offset to begin at; if negative: Last records before the end. It is
	// an error if it lies beyond the end.
	From, Last int64
	// Follow goes on with what comes, until the context ends.
	Follow bool
	// Rewound, if set, is called when a log that judges itself has lost what stood
	// from there on: what stands there now comes next.
	Rewound func(from events.Place)
}

// TailRecord is a record as it stands in a topic.
type TailRecord struct {
	Topic     string
	Partition int32
	Record    *events.Record
	// Judged: it is known whether the record counts; only of owned logs.
	Judged, Counts bool
}

// Tail calls see for each record, in order within a partition and never twice
// at once, until it has read what was there when it began (or ctx ends, which
// is no error, if it follows). While it follows it waits out a broker that is away;
// what does not pass (eventlog.Final) ends it.
func (q *Querier) Tail(ctx context.Context, cfg TailConfig, see func(TailRecord) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t := &tailing{querier: q, cfg: cfg, see: see, stop: stop}
	log, _ := q.topics.Log(cfg.Topic)
	owned := log.Kind == events.OwnedLog
	var sources []source
	for _, p := range cfg.Partitions {
		try := following.Try(q.board, cfg.Topic, p)
		defer try.End()
		s, err := t.source(ctx, p, owned, try)
		if err != nil {
			return err
		}
		if sources = append(sources, s); t.failed != nil {
			return t.failed
		}
	}
	if !cfg.Follow {
		return nil
	}
	var running sync.WaitGroup
	for _, s := range sources {
		running.Go(func() {
			if err := s.Run(ctx); ctx.Err() == nil {
				t.fail(err)
			}
		})
	}
	running.Wait()
	return t.failed
}

// source reads one partition, until ctx ends or an error does not pass.
type source interface {
	Run(ctx context.Context) error
}

// tailing hands what several sources give to one caller.
type tailing struct {
	querier *Querier
	cfg     TailConfig
	stop    context.CancelFunc

	mu     sync.Mutex
	see    func(TailRecord) error
	failed error
}

// source reads what is there of a partition, and returns what reads on.
func (t *tailing) source(ctx context.Context, p int32, owned bool, try *trouble.Try) (source, error) {
	q, topic := t.querier, t.cfg.Topic
	start, end, err := q.offsets(ctx, topic, p)
	if err != nil {
		return nil, err
	}
	from := t.cfg.From
	if from > end {
		return nil, &client.Refused{Code: "NO_RECORD", Message: fmt.Sprintf("read %s/%d@%d: the partition ends at %d: give an offset of at most that", topic, p, from, end)}
	}
	if from < 0 {
		from = end - t.cfg.Last
	}
	from = min(max(from, start), end)
	if !owned {
		u := &unjudged{tailing: t, log: q.logs.Partition(topic, p), partition: p, next: from, try: try}
		for u.next < end && t.failed == nil {
			before := u.next
			err := u.step(ctx)
			if err == nil && u.next == before {
				end, err = eventlog.Reachable(ctx, u.log, end)
			}
			if err != nil {
				return nil, err
			}
		}
		return u, nil
	}
	f, err := t.judged(ctx, p, start, from, try)
	for err == nil && f.Next() < end && t.failed == nil {
		before := f.Next()
		if err = f.Step(ctx, tailWait); err == nil && f.Next() == before {
			end, err = eventlog.Reachable(ctx, q.logs.Partition(topic, p), end)
		}
	}
	return f, err
}

// judged follows an owned log. It begins before the first record that is asked for,
// so as to judge that one too.
func (t *tailing) judged(ctx context.Context, p int32, start, from int64, try *trouble.Try) (*eventlog.Follower, error) {
	q, topic := t.querier, t.cfg.Topic
	log := q.logs.Partition(topic, p)
	at, err := boundary(ctx, log, start, from)
	if err != nil {
		return nil, fmt.Errorf("look for the batch at %s/%d@%d: %w", topic, p, from, err)
	}
	var f *eventlog.Follower
	give := func(r *events.Record, judged, counts bool) {
		if r.Offset >= from {
			t.take(p, r, judged, counts)
		}
	}
	f = eventlog.NewFollower(eventlog.FollowerConfig{
		Log: log, Topic: topic, Partition: p, From: at, Now: time.Now, Pause: following.Pause,
		Hooks: eventlog.FollowerHooks{
			Visit: func(_ events.Logged, r *events.Record) { give(r, true, true) },
			Skipped: func(_ eventlog.Skip, records []events.Record) {
				for i := range records {
					give(&records[i], !f.Judge().Unanchored, false)
				}
			},
			Began: func(b eventlog.Beginning) {
				if b.Before > b.At {
					from = min(from, b.At)
					t.rewound(events.Place{Topic: topic, Partition: p, Offset: b.At})
				}
			},
			Trouble: following.Trouble(try),
		},
	})
	return f, nil
}

func (t *tailing) take(p int32, r *events.Record, judged, counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed != nil {
		return
	}
	kept := *r // The reader uses its own again.
	t.failed = t.see(TailRecord{Topic: t.cfg.Topic, Partition: p, Record: &kept, Judged: judged, Counts: counts})
	if t.failed != nil {
		t.stop()
	}
}

func (t *tailing) rewound(from events.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil && t.cfg.Rewound != nil {
		t.cfg.Rewound(from)
	}
}

func (t *tailing) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
	t.stop()
}

// unjudged reads a topic of which any record is as good as another.
type unjudged struct {
	*tailing
	log       eventlog.Log
	partition int32
	next      int64
	try       *trouble.Try
}

// unjudgedPause is how long it rests after an error.
const unjudgedPause = 500 * time.Millisecond

// step reads one page.
func (u *unjudged) step(ctx context.Context) error {
	page, err := u.log.Fetch(ctx, u.next, tailWait)
	if err != nil {
		return fmt.Errorf("read %s/%d@%d: %w", u.cfg.Topic, u.partition, u.next, err)
	}
	for i := range page.Records {
		if r := &page.Records[i]; r.Offset >= u.next {
			u.take(u.partition, r, false, false)
		}
	}
	u.next = page.Next
	return nil
}

// Run reads on. An offset that the log does not hold any more, or not yet again, is
// an error that does not pass: where to read on is for a person to say.
func (u *unjudged) Run(ctx context.Context) error {
	for {
		err := u.step(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			u.try.Passed()
		case eventlog.Final(err), eventlog.IsOutOfRange(err):
			return err
		default:
			u.try.Again(ctx, err, unjudgedPause)
		}
	}
}
