package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// input is what the core decides on.
type input = *placement.Prepared

// inputs merges the requests and the reports of one partition for its owner.
// It is used by the owner's goroutine alone; the pumps work beside it.
type inputs struct {
	ctx               context.Context //nolint:containedctx // the pumps' life is the owner's run, not one call's
	requests, reports *pump
	// handed is the position of the reports up to which the owner was given
	// records; between two rounds of the owner all of them are decided.
	handed int64
	marks  []mark
	readTo int64
	bytes  int // handed out by the current Next
	// witnesses look at the reports; held is what waits while the owner heeds one.
	witnesses witnesses
	held      *eventlog.Arrivals[input]
	// traces, if set, is told of what is handed out.
	traces *traces
}

// mark says that whoever has read the reports up to end knows all that was
// appended before asOf.
type mark struct{ end, asOf int64 }

// maxHanded bounds the record bytes of one Next, so that decisions on them
// fit a batch or two.
const maxHanded = 1 << 20

// Seek implements eventlog.Inputs.
func (in *inputs) Seek(positions map[eventlog.TopicPartition]int64) {
	in.close()
	in.marks, in.readTo, in.held = nil, 0, nil
	in.handed = positions[in.reports.at]
	in.requests.start(in.ctx, positions[in.requests.at])
	in.reports.start(in.ctx, in.handed)
}

func (in *inputs) close() {
	in.requests.stop()
	in.reports.stop()
}

// Next implements eventlog.Inputs. Reports come before requests: results free
// what requests need.
func (in *inputs) Next(ctx context.Context, wait time.Duration) (eventlog.Arrivals[input], error) {
	if held := in.held; held != nil {
		in.held = nil
		return *held, nil
	}
	var a eventlog.Arrivals[input]
	in.bytes = 0
	in.traces.decided()
	err := in.take(&a)
	if err == nil && len(a.Inputs) == 0 && wait > 0 {
		err = errors.Join(in.await(ctx, wait, &a), in.take(&a))
	}
	if err != nil {
		return eventlog.Arrivals[input]{}, fmt.Errorf("read inputs: %w", err)
	}
	for len(in.marks) > 0 && in.marks[0].end <= in.handed {
		in.readTo = in.marks[0].asOf
		in.marks = in.marks[1:]
	}
	a.ReadTo = in.readTo
	if err := in.witnesses.take(); err != nil {
		in.held = &a
		return eventlog.Arrivals[input]{}, err
	}
	return a, nil
}

// take moves what has already arrived to a, up to the bound, but at least one
// chunk of each input, so that a flood of one never starves the other.
func (in *inputs) take(a *eventlog.Arrivals[input]) error {
	for _, p := range []*pump{in.reports, in.requests} {
		for n := 0; len(p.chunks) > 0 && (n == 0 || in.bytes < maxHanded); n++ {
			if err := in.hand(p, <-p.chunks, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *inputs) await(ctx context.Context, wait time.Duration, a *eventlog.Arrivals[input]) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case c := <-in.reports.chunks:
		return in.hand(in.reports, c, a)
	case c := <-in.requests.chunks:
		return in.hand(in.requests, c, a)
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (in *inputs) hand(p *pump, c chunk, a *eventlog.Arrivals[input]) error {
	if c.err != nil {
		return c.err
	}
	in.bytes += c.bytes
	a.Inputs = append(a.Inputs, c.inputs...)
	in.traces.arrive(c.inputs)
	if p == in.reports {
		for i := range c.inputs {
			in.witnesses.look(c.inputs[i].Value)
		}
		if c.next < in.handed { // Their tail was lost: they may not come that far again.
			in.marks = nil
		}
		in.handed = c.next
		in.marks = append(in.marks, mark{c.end, c.asOf})
	}
	return nil
}
