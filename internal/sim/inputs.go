package sim

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Source is one partition that an owner reads its inputs from.
type Source[I any] struct {
	eventlog.TopicPartition
	*Partition
	// Prepare makes of a record what the core is given.
	Prepare func(r *events.Record) I
	// Judged: it is an owned log, of which only what counts is handed on.
	Judged bool
}

// Inputs implements eventlog.Inputs over simulated partitions.
type Inputs[I any] struct {
	Process *Process
	Sources []Source[I]
	// Now is the clock of the owner; nil: the world's.
	Now func() time.Time
	// Max bounds how many records of one source arrive at once.
	Max int

	next    []int64
	readers []*eventlog.Reader // of judged sources, since the last Seek
}

// Seek implements eventlog.Inputs.
func (in *Inputs[I]) Seek(positions map[eventlog.TopicPartition]int64) {
	in.next, in.readers = make([]int64, len(in.Sources)), make([]*eventlog.Reader, len(in.Sources))
	for i, s := range in.Sources {
		in.next[i] = positions[s.TopicPartition]
	}
}

// Next implements eventlog.Inputs.
func (in *Inputs[I]) Next(_ context.Context, wait eventlog.Wait) (eventlog.Arrivals[I], error) {
	w := in.Process.World
	in.Process.Sleep(w.Delay())
	a, err := in.read()
	if err == nil && len(a.Inputs) == 0 && wait.For > 0 {
		in.Process.Await(wait.For, func(wake func()) {
			for _, s := range in.Sources {
				s.waiting = append(s.waiting, wake)
			}
		})
		a, err = in.read()
	}
	in.Process.Sleep(w.Delay())
	return a, err
}

func (in *Inputs[I]) read() (eventlog.Arrivals[I], error) {
	now := in.Now
	if now == nil {
		now = in.Process.World.Now
	}
	a := eventlog.Arrivals[I]{ReadTo: now().UnixMilli()}
	for i, s := range in.Sources {
		if s.Judged {
			if err := in.judge(i, &a); err != nil {
				return a, err
			}
			continue
		}
		page, err := s.Log.Fetch(context.Background(), in.next[i], 0)
		if err != nil {
			return a, err
		}
		n := min(len(page.Records), 1+in.Process.World.Rand.IntN(in.Max))
		for j := range n {
			r := &page.Records[j]
			place := events.Place{Topic: s.Topic, Partition: s.TopicPartition.Partition, Offset: r.Offset}
			a.Inputs = append(a.Inputs, events.Input[I]{Place: place, Value: s.Prepare(r)})
			in.next[i] = r.Offset + 1
		}
		if n < len(page.Records) || page.Next < page.End {
			a.ReadTo = 0 // There is more, of unknown age.
		}
	}
	return a, nil
}

// judge hands on what counts of a source, some records at a time.
func (in *Inputs[I]) judge(i int, a *eventlog.Arrivals[I]) (err error) {
	s, ctx := in.Sources[i], context.Background()
	if in.readers[i] == nil {
		in.readers[i], err = eventlog.NewReaderBehind(ctx, s.Log, s.Topic, s.TopicPartition.Partition, in.next[i])
		if err != nil {
			return err
		}
	}
	r := in.readers[i]
	page, err := s.Log.Fetch(ctx, r.Next(), 0)
	if err != nil {
		return err
	}
	if n := 1 + in.Process.World.Rand.IntN(in.Max); n < len(page.Records) {
		page.Records, page.Next = page.Records[:n], page.Records[n].Offset
	}
	if page.Next < page.End {
		a.ReadTo = 0
	}
	r.Take(page, func(_ events.Logged, rec *events.Record) {
		if rec.Offset >= in.next[i] {
			place := events.Place{Topic: s.Topic, Partition: s.TopicPartition.Partition, Offset: rec.Offset}
			a.Inputs = append(a.Inputs, events.Input[I]{Place: place, Value: s.Prepare(rec)})
		}
	})
	return nil
}
