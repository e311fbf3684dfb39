// Package logsize measures what is kept of logs: how many records, how old the oldest one
// is beside how old it may become, and when the last snapshot was written. What keeps a
// log (pkg/logowner, pkg/loghost) tells it after each job of its housekeeper.
//
// It owns no topic. It asks the broker twice after a job, and of a job only.
package logsize

import (
	"context"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/eventlog"
)

// Logs are those that a process keeps. It is safe for concurrent use.
type Logs struct {
	snapshots metric.Int64Counter
	stop      func()

	mu   sync.Mutex
	kept map[at]size
}

type at struct {
	topic     string
	partition int32
}

// size is what is known of one; times are zero if they are not.
type size struct {
	records       int64
	oldest, saved time.Time
	history       time.Duration
}

// New makes the instruments; they measure until Stop.
func New(maker *instruments.Maker) *Logs {
	l := &Logs{snapshots: maker.Counter(instruments.LogSnapshots), kept: map[at]size{}}
	records, oldest := maker.Gauge(instruments.LogRecords), maker.Float(instruments.LogOldestAge)
	history, saved := maker.Float(instruments.LogHistory), maker.Float(instruments.LogSnapshotAge)
	l.stop = maker.Observe(func(_ context.Context, o metric.Observer) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for of, s := range l.kept {
			with := metric.WithAttributes(attribute.String("messaging.destination.name", of.topic),
				attribute.String("messaging.destination.partition.id", strconv.Itoa(int(of.partition))))
			o.ObserveInt64(records, s.records, with)
			if !s.oldest.IsZero() {
				o.ObserveFloat64(oldest, max(0, time.Since(s.oldest).Seconds()), with)
			}
			if s.history > 0 {
				o.ObserveFloat64(history, s.history.Seconds(), with)
			}
			if !s.saved.IsZero() {
				o.ObserveFloat64(saved, time.Since(s.saved).Seconds(), with)
			}
		}
		return nil
	}, records, oldest, history, saved)
	return l
}

// Stop ends the measuring.
func (l *Logs) Stop() { l.stop() }

// Snapshot counts one: saved, failed, unusable.
func (l *Logs) Snapshot(topic, outcome string) {
	l.snapshots.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String("outcome", outcome), attribute.String("messaging.destination.name", topic)))
}

// Kept notes what a job of the housekeeper has left of a log. What the log does not tell now
// is told after the next job.
func (l *Logs) Kept(ctx context.Context, topic string, partition int32, work *eventlog.Housekeeper, out eventlog.Outcome) {
	start, end, err := eventlog.Bounds(ctx, work.Log)
	if err != nil {
		return
	}
	s := size{records: end - start, history: work.Keep}
	if page, err := work.Log.Fetch(ctx, start, 0); err == nil && len(page.Records) > 0 {
		s.oldest = time.UnixMilli(page.Records[0].Timestamp)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.saved = l.kept[at{topic, partition}].saved; out.Saved != nil {
		s.saved = time.Now()
	}
	l.kept[at{topic, partition}] = s
}

// Forget is for a partition that this process keeps no longer.
func (l *Logs) Forget(topic string, partition int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, at{topic, partition})
}
