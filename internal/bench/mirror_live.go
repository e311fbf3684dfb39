package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// live measures a mirror that runs: how late copies are, when new topics are found, and
// how late copies are while many are.
func (r *mirrorRun) live(ctx context.Context, out *MirrorResult) error {
	old := r.Prefix + "live.old"
	if err := r.create(ctx, old, 1); err != nil {
		return err
	}
	if _, err := r.found(ctx, old, time.Now()); err != nil {
		return err
	}
	if r.Rate > 0 {
		delays, atSource, err := r.paced(ctx, old)
		if err != nil {
			return fmt.Errorf("measure the delay: %w", err)
		}
		out.Delay, out.Source = delayOf(delays), delayOf(atSource)
	}
	var waits []time.Duration
	for i := range r.Found {
		topic := fmt.Sprintf("%slive.found-%d", r.Prefix, i)
		began := time.Now()
		if err := r.create(ctx, topic, 1); err != nil {
			return err
		}
		wait, err := r.found(ctx, topic, began)
		if err != nil {
			return err
		}
		waits = append(waits, wait)
	}
	slices.Sort(waits)
	out.FoundP50, out.FoundMax = quantile(waits, 0.5), quantile(waits, 1)
	if r.Crowd == 0 || r.Rate == 0 {
		return nil
	}
	return r.crowd(ctx, old, out)
}

// found writes a record and waits until it stands in the target.
func (r *mirrorRun) found(ctx context.Context, topic string, began time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the record of %s does not come to the target within %v", topic, patience))
	defer cancel()
	source, target := r.Source.Partition(topic, 0), r.Target.Kafka()
	if _, err := source.Append(ctx, []events.Record{{Timestamp: began.UnixMilli(), Value: make([]byte, 8)}}); err != nil {
		return 0, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, err := target.Partitions(ctx, topic); err != nil {
			return 0, causeOf(ctx, err)
		} else if n > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
	for from, log := int64(0), target.Partition(topic, 0); ; {
		page, err := log.Fetch(ctx, from, 500*time.Millisecond)
		if err != nil {
			return 0, causeOf(ctx, err)
		}
		if len(page.Records) > 0 {
			return time.Since(began), nil
		}
		from = page.Next
	}
}

// causeOf is why a context ended, if it did.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// paced writes records at the rate, and tells how long it took until each was read at the
// target, and at the source.
func (r *mirrorRun) paced(ctx context.Context, topic string) (delays, atSource []time.Duration, err error) {
	n := int(r.Duration.Seconds() * float64(r.Rate))
	_, from, err := r.Target.Offsets(ctx, topic, 0)
	if err != nil {
		return nil, nil, err
	}
	_, fromSource, err := r.Source.Offsets(ctx, topic, 0)
	if err != nil {
		return nil, nil, err
	}
	w := &writes{n: n}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.write(ctx, topic, w) })
	group.Go(func() (err error) {
		delays, err = w.read(ctx, r.Target.Kafka().Partition(topic, 0), from, r.Progress)
		return err
	})
	group.Go(func() (err error) {
		atSource, err = w.read(ctx, r.Source.Kafka().Partition(topic, 0), fromSource, func(int) {})
		return err
	})
	return delays, atSource, group.Wait()
}

// writes are when records were written, one after the other.
type writes struct {
	n  int // to be written
	mu sync.Mutex
	at []time.Time
}

func (w *writes) note(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, at)
}

// write writes records at the rate.
func (r *mirrorRun) write(ctx context.Context, topic string, w *writes) error {
	p := r.Source.Kafka().Producer(kafka.ProducerOptions{Forever: true})
	began := time.Now()
	for i := range w.n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(r.Rate))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		w.note(time.Now())
		p.Send(ctx, topic, 0, events.Record{Timestamp: due.UnixMilli(), Value: fmt.Appendf(nil, "%08d", i)}, nil)
	}
	return p.Close(ctx)
}

// read reads as many records of a log as are written, and tells how late each was.
func (w *writes) read(ctx context.Context, log *kafka.Partition, from int64, told func(int)) ([]time.Duration, error) {
	delays := make([]time.Duration, 0, w.n)
	for moved := time.Now(); len(delays) < cap(delays); {
		page, err := log.Fetch(ctx, from, 500*time.Millisecond)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		if len(page.Records) > 0 {
			moved = now
		} else if now.Sub(moved) > patience {
			return nil, fmt.Errorf("%d of %d records can be read, and no more came for %v", len(delays), cap(delays), patience)
		}
		w.mu.Lock()
		for range min(len(page.Records), cap(delays)-len(delays)) {
			delays = append(delays, now.Sub(w.at[len(delays)]))
		}
		w.mu.Unlock()
		told(len(page.Records))
		from = page.Next
	}
	return delays, nil
}

func delayOf(delays []time.Duration) MirrorDelay {
	slices.Sort(delays)
	return MirrorDelay{
		Records: len(delays), P50: quantile(delays, 0.5), P99: quantile(delays, 0.99), Max: quantile(delays, 1),
	}
}

// crowd measures how late the copies of an old topic are while many topics appear.
func (r *mirrorRun) crowd(ctx context.Context, old string, out *MirrorResult) error {
	specs := make([]events.TopicSpec, r.Crowd)
	for i := range specs {
		log := events.Log{Topic: fmt.Sprintf("%slive.crowd-%d", r.Prefix, i), Partitions: 1, Kept: events.WithHistory}
		specs[i] = log.Spec()
		r.made = append(r.made, log.Topic)
	}
	group, ctx := errgroup.WithContext(ctx)
	var delays []time.Duration
	group.Go(func() (err error) {
		delays, _, err = r.paced(ctx, old)
		return err
	})
	group.Go(func() error {
		began := time.Now()
		if _, err := r.Source.Ensure(ctx, specs); err != nil {
			return err
		}
		for i := range specs {
			if _, err := r.found(ctx, specs[i].Name, began); err != nil {
				return err
			}
		}
		out.CrowdFound = float64(time.Since(began).Microseconds()) / 1000
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make %d topics: %w", r.Crowd, err)
	}
	out.Crowd, out.CrowdTopics = delayOf(delays), r.Crowd
	return nil
}
