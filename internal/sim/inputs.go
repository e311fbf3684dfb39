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
}

// Inputs implements eventlog.Inputs over simulated partitions.
type Inputs[I any] struct {
	Process *Process
	Sources []Source[I]
	// Max bounds how many records of one source arrive at once.
	Max int

	next []int64
}

// Seek implements eventlog.Inputs.
func (in *Inputs[I]) Seek(positions map[eventlog.TopicPartition]int64) {
	in.next = make([]int64, len(in.Sources))
	for i, s := range in.Sources {
		in.next[i] = positions[s.TopicPartition]
	}
}

// Next implements eventlog.Inputs.
func (in *Inputs[I]) Next(_ context.Context, wait time.Duration) (eventlog.Arrivals[I], error) {
	w := in.Process.World
	in.Process.Sleep(w.Delay())
	a, err := in.read()
	if err == nil && len(a.Inputs) == 0 && wait > 0 {
		in.Process.Await(wait, func(wake func()) {
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
	a := eventlog.Arrivals[I]{ReadTo: in.Process.World.Now().UnixMilli()}
	for i, s := range in.Sources {
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
