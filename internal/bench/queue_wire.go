package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// end is where the log of a queue ends.
func (r *queueRun) end(ctx context.Context, q *queue.Queue) (int64, error) {
	_, end, err := r.cfg.Cluster.Offsets(ctx, r.logs(q.Name())[0].Topic, 0)
	return end, err
}

// look reads what calls left in the log of a queue from an offset on: the newest records,
// and how many were appended at once.
func (r *queueRun) look(ctx context.Context, q *queue.Queue, into *kindOfCall, from int64) error {
	c, topic := r.cfg.Cluster.Kafka(), r.logs(q.Name())[0].Topic
	end, err := r.end(ctx, q)
	if err != nil {
		return err
	}
	records, batches, err := countBatches(ctx, c.Partition(topic, 0), from, end)
	if err != nil {
		return err
	}
	into.perAppend = max(1, records/max(1, batches))
	into.records, err = readBack(ctx, c, topic, 0, min(sampled, int(end-from)), func(*events.Record) bool { return true })
	if err != nil {
		return err
	}
	into.bytes = float64(bytesOf(into.records)) / float64(len(into.records))
	return nil
}

// onWire carries the records of each kind of call on a topic like that of a queue: as many
// in batches of the same size, one in flight, and fetched again.
func (r *queueRun) onWire(ctx context.Context) (err error) {
	name := r.cfg.Name + "-wire"
	logs := r.logs(name)
	if _, err := r.cfg.Cluster.Ensure(ctx, events.Specs(logs)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.deleteTopics(ctx, name)) }()
	w := &logWire{
		log: r.cfg.Cluster.Partition(logs[0].Topic, 0), reads: r.cfg.Cluster.Partition(logs[0].Topic, 0),
	}
	carry := func(k *kindOfCall, entries, perEntry int) error {
		before := settled()
		began := time.Now()
		if err := w.carry(ctx, k, entries*perEntry); err != nil {
			return err
		}
		k.wire = append(k.wire, figures{time.Since(began).Seconds(), measure().since(before)})
		k.wireBytes = float64(w.fetched.bytes) / float64(w.fetched.records)
		r.cfg.Progress(entries)
		return nil
	}
	if err := carry(&r.enqueue, r.cfg.Entries, 1); err != nil {
		return err
	}
	one := &kindOfCall{records: r.enqueue.records, perAppend: 1}
	for range r.cfg.Singles {
		began := time.Now()
		if err := w.carry(ctx, one, 1); err != nil {
			return err
		}
		r.wireSingles = append(r.wireSingles, time.Since(began))
	}
	r.cfg.Progress(r.cfg.Singles)
	return carry(&r.claim, r.cfg.Claims, recordsPerClaim)
}

// logWire is the bare wire of one log.
type logWire struct {
	log, reads eventlog.Log
	end        int64
	fetched    volume // by the last carry
}

// volume is so many records and the bytes that they have.
type volume struct{ records, bytes int }

// carry appends n records, and returns when they were fetched, all of them: a queue that
// tells of an entry has read it back from its log, too.
func (w *logWire) carry(ctx context.Context, k *kindOfCall, n int) error {
	end := w.end + int64(n)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		batch := make([]events.Record, 0, k.perAppend)
		for sent := 0; sent < n; sent += len(batch) {
			batch = batch[:0]
			for i := range min(k.perAppend, n-sent) {
				batch = append(batch, k.records[(sent+i)%len(k.records)])
			}
			if _, err := w.log.Append(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		next, v, err := fetchUpTo(ctx, w.reads, w.end, end)
		w.end, w.fetched = next, v
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if w.fetched.records != n {
		return fmt.Errorf("the bare wire fetched %d of %d records", w.fetched.records, n)
	}
	return nil
}

// fetchUpTo fetches what stands between two offsets, and looks only at how much it is.
func fetchUpTo(ctx context.Context, log eventlog.Log, from, end int64) (next int64, v volume, err error) {
	for next = from; next < end; {
		page, err := log.Fetch(ctx, next, 500*time.Millisecond)
		if err != nil {
			return next, v, err
		}
		v.records += len(page.Records)
		v.bytes += bytesOf(page.Records)
		next = page.Next
	}
	return next, v, nil
}

func bytesOf(records []events.Record) (n int) {
	for i := range records {
		n += records[i].Size()
	}
	return n
}
