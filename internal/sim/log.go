package sim

import (
	"context"
	"errors"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// Partition is one partition of a topic on the simulated broker.
type Partition struct {
	*memlog.Log
	// Forgetful: the broker does not recognise what it was sent twice.
	Forgetful bool
	// Appended, if set, is told of every batch that lands, and where.
	Appended func(base int64, batch []events.Record)

	// whole holds what was truncated, too, for those who judge a run; nil while
	// nothing was.
	whole   *memlog.Log
	waiting []func()
}

// NewPartition returns an empty partition.
func NewPartition() *Partition { return &Partition{Log: memlog.New()} }

// Whole is the log with what was truncated.
func (p *Partition) Whole() *memlog.Log {
	if p.whole != nil {
		return p.whole
	}
	return p.Log
}

// Records are all that was ever appended and not lost.
func (p *Partition) Records() []events.Record { return p.Whole().Records() }

// Truncate deletes what is below an offset.
func (p *Partition) Truncate(before int64) {
	if p.whole == nil {
		p.whole = memlog.New()
		_, _ = p.whole.Append(context.Background(), p.Log.Records())
	}
	p.Log.Truncate(before)
}

// Lose forgets everything from an offset on, as an unclean leader election does.
func (p *Partition) Lose(from int64) {
	p.Log.Lose(from)
	if p.whole != nil {
		p.whole.Lose(from)
	}
}

// Append appends at once, and tells those who wait for it.
func (p *Partition) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := p.Log.Append(ctx, batch)
	if p.whole != nil {
		_, _ = p.whole.Append(ctx, batch)
	}
	if p.Appended != nil {
		p.Appended(base, batch)
	}
	waiting := p.waiting
	p.waiting = nil
	for _, wake := range waiting {
		wake()
	}
	return base, err
}

// await parks a process until something is appended or the time is up.
func (p *Partition) await(process *Process, wait time.Duration) {
	process.Await(wait, func(wake func()) { p.waiting = append(p.waiting, wake) })
}

// Handle is a process's access to a partition; it implements eventlog.Log.
type Handle struct {
	Process *Process
	*Partition
	// Tries is how often Append sends a batch before it gives up, each for
	// Timeout.
	Tries   int
	Timeout time.Duration
	// Delay is how long a fetch, or its answer, is under way; nil: as the world has
	// it. One that only reads takes it from elsewhere, so that the world goes on as
	// without it.
	Delay func() time.Duration
}

// Open returns a process's handle.
func (p *Partition) Open(process *Process) *Handle {
	return &Handle{Process: process, Partition: p, Tries: 3, Timeout: 200 * time.Millisecond}
}

var errGaveUp = errors.New("no acknowledgement; the batch may stand in the log or come to stand in it")

// delivery is one batch on its way, however many copies of it there are.
type delivery struct {
	batch   []events.Record
	landed  bool
	base    int64 // where its first copy landed
	acked   bool
	ackBase int64
	wake    func() // of the try that waits
}

// Append implements eventlog.Log over the simulated network: it sends the same
// bytes again until one acknowledgement came, or gives up. Copies that are
// still under way then arrive when nobody expects them.
func (h *Handle) Append(_ context.Context, batch []events.Record) (int64, error) {
	d := &delivery{batch: Copied(batch)}
	for range h.Tries {
		h.Process.Await(h.Timeout, func(wake func()) {
			d.wake = wake
			h.Process.Send(func() { h.arrive(d) })
		})
		if d.acked {
			return d.ackBase, nil
		}
	}
	return 0, errGaveUp
}

// Send sends a batch once and does not wait for it. acked is told where it landed, unless
// the acknowledgement is lost.
func (h *Handle) Send(batch []events.Record, acked func(base int64)) {
	d := &delivery{batch: Copied(batch)}
	d.wake = func() { h.Process.Do(func() { acked(d.ackBase) }) }
	h.Process.Send(func() { h.arrive(d) })
}

func (h *Handle) arrive(d *delivery) {
	base := d.base
	if !d.landed || h.Forgetful {
		base, _ = h.Partition.Append(context.Background(), d.batch)
	}
	if !d.landed {
		d.landed, d.base = true, base
	}
	h.Process.World.Send(func() {
		if !d.acked {
			d.acked, d.ackBase = true, base
			d.wake()
		}
	})
}

// Fetch implements eventlog.Log: what it brings was so when it was read, which
// is a while ago when it arrives.
func (h *Handle) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	delay := h.Delay
	if delay == nil {
		delay = h.Process.World.Delay
	}
	h.Process.Sleep(delay())
	page, err := h.Log.Fetch(ctx, from, 0)
	if err == nil && wait > 0 && page.Next == from {
		h.await(h.Process, wait)
		page, err = h.Log.Fetch(ctx, from, 0)
	}
	h.Process.Sleep(delay())
	return page, err
}

// Copied is a batch as it stands on the wire: its sender uses the memory again.
func Copied(batch []events.Record) []events.Record {
	log := memlog.New()
	_, _ = log.Append(context.Background(), batch)
	return log.Records()
}

// QuickReads is a handle whose reads take no time, so that many snapshots fit
// into a run; what is written goes by the network.
type QuickReads struct{ *Handle }

// Fetch implements eventlog.Log.
func (l *QuickReads) Fetch(ctx context.Context, from int64, _ time.Duration) (events.Page, error) {
	return l.Log.Fetch(ctx, from, 0)
}
