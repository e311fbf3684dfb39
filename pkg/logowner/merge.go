package logowner

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// merge hands out what its sources have read, in their order. It is used by the
// owner's goroutine alone; the sources work beside it.
type merge[I any] struct {
	ctx     context.Context //nolint:containedctx // the sources' life is the owner's run, not one call's
	sources []*merged[I]
	wake    chan struct{} // a source has inputs, or an error
	silence atomic.Int64  // from when on the owner has to know of it
	bytes   int           // handed out by the current Next
}

// merged is a source as the owner knows it.
type merged[I any] struct {
	source[I]
	// silence: ReadTo is about this one.
	silence bool
	// handed is the position up to which the owner was given records; between two
	// rounds of the owner all of them are decided.
	handed int64
	marks  []mark
	readTo int64
}

// mark says that what has read the input up to end knows all that was appended
// before asOf.
type mark struct{ end, asOf int64 }

// maxHanded bounds the record bytes of one Next, so that decisions on them
// fit a batch or two.
const maxHanded = 1 << 20

func newMerge[I any](ctx context.Context, sources ...*merged[I]) *merge[I] {
	m := &merge[I]{ctx: ctx, sources: sources, wake: make(chan struct{}, 1)}
	all := true
	for _, s := range sources {
		s.wake = m.wake
		all = all && !s.silence
	}
	for _, s := range sources {
		if s.silence = s.silence || all; s.silence {
			s.needed = &m.silence
		}
	}
	return m
}

// Seek implements eventlog.Inputs.
func (m *merge[I]) Seek(positions map[eventlog.TopicPartition]int64) {
	m.close()
	for _, s := range m.sources {
		s.marks, s.readTo = nil, 0
		s.handed = positions[s.at]
		s.start(m.ctx, s.handed)
	}
}

func (m *merge[I]) close() {
	for _, s := range m.sources {
		s.stop()
	}
}

// handed is the position of a topic up to which the owner was given records.
func (m *merge[I]) handed(topic string) int64 {
	for _, s := range m.sources {
		if s.at.Topic == topic {
			return s.handed
		}
	}
	return 0
}

// Next implements eventlog.Inputs.
func (m *merge[I]) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[I], error) {
	var a eventlog.Arrivals[I]
	m.bytes = 0
	if wait.For > 0 {
		m.silence.Store(wait.Silence)
	}
	err := m.take(&a)
	if err == nil && len(a.Inputs) == 0 && wait.For > 0 {
		err = m.await(ctx, wait.For, &a)
	}
	if err != nil {
		return eventlog.Arrivals[I]{}, fmt.Errorf("read inputs: %w", err)
	}
	a.ReadTo = m.readTo()
	return a, nil
}

// readTo is the time before which nothing was appended that is not handed out.
func (m *merge[I]) readTo() int64 {
	all := int64(math.MaxInt64)
	for _, s := range m.sources {
		for len(s.marks) > 0 && s.marks[0].end <= s.handed {
			s.readTo, s.marks = s.marks[0].asOf, s.marks[1:]
		}
		if s.silence {
			all = min(all, s.readTo)
		}
	}
	if all == math.MaxInt64 {
		return 0 // It has no inputs.
	}
	return all
}

// take moves what has already arrived to a, up to the bound, but at least one
// chunk of each input, so that a flood of one never starves another.
func (m *merge[I]) take(a *eventlog.Arrivals[I]) error {
	for _, s := range m.sources {
		for n := 0; len(s.chunks) > 0 && (n == 0 || m.bytes < maxHanded); n++ {
			if err := m.hand(s, <-s.chunks, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *merge[I]) await(ctx context.Context, wait time.Duration, a *eventlog.Arrivals[I]) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-m.wake:
			if err := m.take(a); len(a.Inputs) > 0 || err != nil {
				return err
			}
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *merge[I]) hand(s *merged[I], c chunk[I], a *eventlog.Arrivals[I]) error {
	if c.err != nil {
		return c.err
	}
	m.bytes += c.bytes
	a.Inputs = append(a.Inputs, c.inputs...)
	if c.next < s.handed { // Its tail was lost: it may not come that far again.
		s.marks = nil
	}
	s.handed = c.next
	s.marks = append(s.marks, mark{c.end, c.asOf})
	return nil
}
