package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// looking is how often the ends of the target's partitions are looked at: seldom
	// enough to cost nothing beside the copy.
	looking = 50 * time.Millisecond
	// patience is how long a mirror may do nothing that is seen.
	patience = 2 * time.Minute
)

// copies measures the copy of one topic that is full when the mirror sees it.
func (r *mirrorRun) copies(ctx context.Context, size, partitions int) (MirrorCopy, error) {
	prefix := fmt.Sprintf("%s%d-%d.", r.Prefix, size, partitions)
	topic := prefix + "full"
	if err := r.create(ctx, topic, partitions); err != nil {
		return MirrorCopy{}, err
	}
	if err := r.load(ctx, topic, size, partitions); err != nil {
		return MirrorCopy{}, fmt.Errorf("load the source: %w", err)
	}
	out := MirrorCopy{Size: size, Partitions: partitions, Records: r.Records}
	err := r.running(ctx, prefix, func(ctx context.Context) error { return r.follow(ctx, topic, &out) })
	return out, errors.Join(err, r.deleteTopics(context.WithoutCancel(ctx)))
}

// load writes the records. The first eight bytes of each are its number in its partition.
func (r *mirrorRun) load(ctx context.Context, topic string, size, partitions int) error {
	p := r.Source.Kafka().Producer(kafka.ProducerOptions{Forever: true})
	failed := make(chan error, 1)
	done := func(_ int64, err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	for i := range r.Records {
		value := make([]byte, size)
		for at := 8; at < size; at++ {
			value[at] = byte('a' + (i*31+at*7)%26)
		}
		binary.BigEndian.PutUint64(value, uint64(i/partitions))
		p.Send(ctx, topic, int32(i%partitions), events.Record{Timestamp: time.Now().UnixMilli(), Value: value}, done)
		if i%1000 == 999 {
			r.Progress(1000)
		}
	}
	if err := p.Close(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// follow waits until all stands in the target, and measures from the last look that saw
// nothing there: no look is taken while it goes on for longer than looking.
func (r *mirrorRun) follow(ctx context.Context, topic string, out *MirrorCopy) error {
	began, seen := time.Now(), int64(0)
	before, err := r.Mirror.Usage()
	if err != nil {
		return err
	}
	moved := began
	tick := time.NewTicker(looking)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		looked := time.Now()
		used, err := r.Mirror.Usage()
		if err != nil {
			return err
		}
		n, err := r.ends(ctx, topic, out.Partitions)
		if err != nil {
			return err
		}
		whole := time.Since(began) // Until what the ends tell was known.
		switch {
		case n == 0 && seen == 0: // Ends that are not known for a moment begin nothing anew.
			began, before = looked, used
		case n > seen:
			r.Progress(int(n - seen))
			moved, seen = looked, n
		}
		if time.Since(moved) > patience {
			return fmt.Errorf("%d of %d records stand in the target, and no more came for %v", n, r.Records, patience)
		}
		if n < int64(r.Records) {
			continue
		}
		switch all, err := r.copied(ctx, topic, out.Partitions); {
		case err != nil:
			return err
		case all >= int64(r.Records):
			return r.rate(out, whole, before)
		}
	}
}

// ends is how many records and markers stand in the target, by the ends of its partitions:
// one request for each broker, which costs nothing beside the copy. 0: it does not have
// all partitions yet, or nothing but the markers of a fence.
func (r *mirrorRun) ends(ctx context.Context, topic string, partitions int) (n int64, err error) {
	c := r.Target.Kafka()
	if have, err := c.Partitions(ctx, topic); err != nil || have < int32(partitions) {
		return 0, err
	}
	all := make([]int32, partitions)
	for p := range all {
		all[p] = int32(p)
	}
	// A partition that was made just now has no leader yet, and so no end.
	ends, _ := c.Ends(ctx, map[string][]int32{topic: all})
	for _, end := range ends[topic] {
		n += end
	}
	if n <= int64(markers*partitions) {
		n = 0
	}
	return n, ctx.Err()
}

// markers is how many of them a copy may leave in a partition before its first record.
const markers = 2

// rate is that of all records, which took so long.
func (r *mirrorRun) rate(out *MirrorCopy, took time.Duration, before MirrorUsage) error {
	seconds, n := took.Seconds(), float64(r.Records)
	used, err := r.Mirror.Usage()
	out.RecordsPerSecond = n / seconds
	out.MegabytesASecond = out.RecordsPerSecond * float64(out.Size) / 1e6
	out.CPU = (used.CPU - before.CPU).Seconds() * 1e6 / n
	out.Memory = used.Memory
	return err
}

// copied is how many records stand in the target, by the number that the newest of each
// partition carries: offsets count markers, too. It asks for each partition alone, which
// takes seconds if there are many: only the end of a copy is looked at so.
func (r *mirrorRun) copied(ctx context.Context, topic string, partitions int) (n int64, err error) {
	c := r.Target.Kafka()
	if have, err := c.Partitions(ctx, topic); err != nil || have < int32(partitions) {
		return 0, err
	}
	for p := range int32(partitions) {
		start, end, err := c.Offsets(ctx, topic, p)
		if err != nil {
			return 0, err
		}
		if start == end {
			continue
		}
		newest, err := newestNumber(ctx, c, topic, p, start, end)
		if err != nil {
			return 0, err
		}
		n += newest + 1
	}
	return n, nil
}

// newestNumber is that of the newest record of a partition; -1 if it has none.
func newestNumber(ctx context.Context, c *kafka.Client, topic string, p int32, start, end int64) (int64, error) {
	newest := int64(-1)
	for from := max(start, end-4); from < end; {
		page, err := c.Partition(topic, p).Fetch(ctx, from, time.Millisecond)
		if err != nil {
			return 0, err
		}
		for i := range page.Records {
			if v := page.Records[i].Value; len(v) >= 8 {
				newest = int64(binary.BigEndian.Uint64(v))
			}
		}
		if page.Next <= from {
			break
		}
		from = page.Next
	}
	return newest, nil
}
