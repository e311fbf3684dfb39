package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/queue/order"
)

// QueueSize is what a queue of so many live entries costs.
type QueueSize struct {
	Entries           int     `json:"entries"`
	EnqueuedPerSecond float64 `json:"enqueued_per_second"`
	// Page is the median of Entries(after, 100) from anywhere, in microseconds.
	Page float64 `json:"page_p50_us"`
	// OpenLog is until a host is open that folds the whole log; Fetch that of fetching
	// the log alone. In milliseconds.
	OpenLog float64 `json:"open_from_log_ms"`
	Fetch   float64 `json:"wire_fetch_log_ms"`
	// OpenSnapshot is the same with a snapshot of all; SnapshotPause how long the fold
	// stands still while one is taken.
	OpenSnapshot  float64 `json:"open_from_snapshot_ms"`
	SnapshotPause float64 `json:"snapshot_pause_ms"`
	SnapshotBytes float64 `json:"snapshot_bytes_per_entry"`
	// Memory is what a host keeps, for each entry.
	Memory float64 `json:"memory_bytes_per_entry"`
}

// pages is how many times a page is read.
const pages = 1000

// size measures a queue of n entries.
func (r *queueRun) size(ctx context.Context, n int) (s QueueSize, err error) {
	o := r.options()
	o.Brief = true // No snapshot but those that are taken here.
	s.Entries = n
	return s, r.onQueue(ctx, o, func(ctx context.Context, q *queue.Queue) error {
		f, err := r.enqueueMany(ctx, q, n)
		if err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
		s.EnqueuedPerSecond = float64(n) / f.seconds
		if s.Page, err = pageTime(ctx, q, n); err != nil {
			return err
		}
		if err := r.openFromLog(ctx, q.Name(), &s); err != nil {
			return fmt.Errorf("open from the log: %w", err)
		}
		if err := r.snapshot(ctx, q.Name(), &s); err != nil {
			return fmt.Errorf("take a snapshot: %w", err)
		}
		began := time.Now()
		other, err := queue.Open(ctx, r.cfg.Cluster, q.Name(), o)
		if err != nil {
			return fmt.Errorf("open from the snapshot: %w", err)
		}
		s.OpenSnapshot = milliseconds(began)
		return other.Close()
	})
}

// pageTime is the median time of a page, in microseconds.
func pageTime(ctx context.Context, q *queue.Queue, n int) (float64, error) {
	times := make([]time.Duration, 0, pages)
	for range pages {
		began := time.Now()
		if _, err := q.Entries(ctx, rand.Int64N(int64(n)), 100, false); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds()) / 1000, nil
}

// openFromLog opens another host, which folds all, and measures what it keeps.
func (r *queueRun) openFromLog(ctx context.Context, name string, s *QueueSize) error {
	topic := r.logs(name)[0].Topic
	_, end, err := r.cfg.Cluster.Offsets(ctx, topic, 0)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, _, err := fetchUpTo(ctx, r.cfg.Cluster.Partition(topic, 0), 0, end); err != nil {
		return err
	}
	s.Fetch = milliseconds(began)
	o := r.options()
	o.Brief = true
	before := liveHeap()
	began = time.Now()
	q, err := queue.Open(ctx, r.cfg.Cluster, name, o)
	if err != nil {
		return err
	}
	s.OpenLog = milliseconds(began)
	s.Memory = float64(liveHeap()-before) / float64(s.Entries)
	return q.Close()
}

// snapshot takes a snapshot of a queue and stores it.
func (r *queueRun) snapshot(ctx context.Context, name string, s *QueueSize) error {
	topic := r.logs(name)[0].Topic
	now := steady.New(steady.Read()).Now
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: r.cfg.Cluster.Partition(topic, 0), Topic: topic, Shared: true, Now: now,
		NewFold: func() eventlog.Fold { return sharedlog.NewFold(order.New(), sharedlog.Horizon) },
	})
	if err := f.Barrier(ctx); err != nil {
		return err
	}
	runtime.GC()
	began := time.Now()
	snap, err := f.Snapshot(0, now().UnixMilli())
	if err != nil {
		return err
	}
	if snap == nil {
		return errors.New("there is nothing to take one of")
	}
	s.SnapshotPause = milliseconds(began)
	s.SnapshotBytes = float64(len(snap.Body)) / float64(s.Entries)
	stored := &eventlog.Snapshots{
		Log: r.cfg.Cluster.Partition(events.Snapshots(topic), 0), Topic: topic, Encoder: events.Encoder{Source: "/spanway/bench"},
	}
	return stored.Write(ctx, snap)
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

// liveHeap is the bytes that are in use.
func liveHeap() int64 {
	settled()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
