package owners

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// lateInputs are produced when the log has lost its tail for the last time.
	lateInputs = 12
	lossyQuiet = 12 * time.Second
)

// lossy is the story of owners whose log loses its tail: once in the chaos and
// once in peace, each time with what was acknowledged, published, and seen.
type lossy struct {
	*owners
	unjudged error
}

func newLossy(seed uint64, m sim.Mutant[struct{}]) *lossy {
	l := &lossy{owners: newOwners(seed, m)}
	l.owners.lossy = true
	w := l.world
	w.After(w.Between(chaosTime/4, chaosTime), l.lose)
	w.After(chaosTime+time.Second, l.lose)
	return l
}

// lose cuts the log's tail, but nothing below what keeps. It waits for housekeeping to
// pause, for the same reason.
func (l *lossy) lose() {
	for _, job := range l.jobs {
		if job.Alive() { // What it is about to delete it has already looked at.
			l.world.After(time.Millisecond, l.lose)
			return
		}
	}
	from := max(l.keeps(), l.log.End()-1-l.world.Rand.Int64N(40))
	l.unjudged = errors.Join(l.unjudged, l.followers.lose())
	l.log.Lose(from)
	// What was seen before need not be true any more, nor what is on its way.
	forget := func() { l.seen = nil }
	forget()
	l.world.After(100*time.Millisecond, forget)
}

// keeps is the offset below which nothing can be lost that could be found again: the
// older snapshot begins there, or the newest for which no input was deleted. A second
// loss soon after the first would otherwise come to one for which some were.
func (l *lossy) keeps() int64 {
	usable, _, err := l.store(l.snapshots.Log).Usable(context.Background(), l.log.Log)
	if err != nil || len(usable) == 0 {
		return 1
	}
	begin, _, _ := eventlog.Bounds(context.Background(), l.inputs.Log)
	older := usable[min(1, len(usable)-1)].Manifest
	if at, err := eventlog.ParsePositions([]byte(older.Inputs)); err != nil || at.Map()[eventlog.TopicPartition{Topic: "in"}] < begin {
		older = usable[0].Manifest
	}
	return older.Offset
}

func (l *lossy) Run() {
	w := l.world
	l.follow()
	for i := range ownersNodes {
		name := fmt.Sprintf("node-%d", i)
		n := w.NewNode(name, l.own(name))
		n.Misfortune(chaosTime, time.Second)
		l.nodes = append(l.nodes, n)
	}
	w.Run(chaosTime)
	w.Chances = sim.Chances{}
	for _, n := range l.nodes[1:] {
		n.Stop()
	}
	l.nodes[0].Restart()
	w.Run(lossyQuiet / 2)
	for range lateInputs {
		w.After(w.Between(0, time.Second), l.produce)
	}
	w.Run(lossyQuiet / 2)
	l.stop()
}

// check: the log itself must be as sound as ever. Receivers may have seen what was
// lost, but all that happened after the recovery must have reached them.
func (l *lossy) Check() error {
	log, err := sim.Judge(l.log.Whole(), 0)
	if err = errors.Join(err, l.unjudged); err != nil {
		return err
	}
	for _, check := range []func([]sim.Counted) error{
		sim.CheckEpochs, checkForged, l.checkInputs, l.checkCores, l.checkLate, l.followers.check,
	} {
		if err := check(log); err != nil {
			return err
		}
	}
	return nil
}

// forgedEpoch is that of the events which forged heartbeats claim to have seen.
const forgedEpoch = 1 << 31

// checkForged: the log tells of no loss that could not be. Only a forged heartbeat names an
// epoch that is far behind the last.
func checkForged(log []sim.Counted) error {
	for _, c := range log {
		if m, ok := c.Message.(*events.LogTailLost); ok && m.SeenEpoch > log[len(log)-1].Epoch+30 {
			return fmt.Errorf("offset %d: a loss up to epoch %d is told; the log ends with epoch %d", c.Offset, m.SeenEpoch, log[len(log)-1].Epoch)
		}
	}
	return nil
}

// checkLate: what the late inputs caused took effect once, in order.
func (l *lossy) checkLate(log []sim.Counted) error {
	for to, partition := range l.published {
		var want, got []sim.Counted
		for _, c := range log {
			if p, ok := toyPublished(c.Message); ok && int(p) == to && late(c.Message) {
				want = append(want, c)
			}
		}
		var high sim.Mark
		for _, r := range partition.Records() {
			if high.Recovered(&r) {
				continue
			}
			m, fresh, err := high.Above(&r)
			if err != nil {
				return err
			}
			if _, message, err := events.Decode(&r); err == nil && fresh && late(message) {
				got = append(got, sim.Counted{Logged: events.Logged{Epoch: m.Epoch, N: m.N, Message: message}})
			}
		}
		if err := samePublished(want, got); err != nil {
			return fmt.Errorf("published partition %d: %w", to, err)
		}
	}
	return nil
}

func late(m proto.Message) bool {
	token, ok := m.(interface{ GetToken() uint64 })
	return ok && token.GetToken() >= ownersInputs
}

// witnessing are inputs among which receivers sometimes say what they have seen,
// as heartbeats do.
type witnessing struct {
	*sim.Inputs[struct{}]
	owners *owners
}

func (in *witnessing) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[struct{}], error) {
	if o := in.owners; o.lossy && in.Process.World.Chance(0.02) {
		return eventlog.Arrivals[struct{}]{}, &eventlog.WitnessError{Epoch: forgedEpoch, N: 7, Witness: "a forged heartbeat"}
	}
	if o := in.owners; o.lossy && in.Process.World.Chance(0.3) {
		var seen sim.Mark
		for _, p := range o.published {
			var high sim.Mark
			for _, r := range p.Records() {
				if !high.Recovered(&r) {
					_, _, _ = high.Above(&r)
				}
			}
			if high.Epoch > seen.Epoch || high.Epoch == seen.Epoch && high.N > seen.N {
				seen = high
			}
		}
		return eventlog.Arrivals[struct{}]{}, &eventlog.WitnessError{Epoch: seen.Epoch, N: seen.N, Witness: "a receiver"}
	}
	return in.Inputs.Next(ctx, wait)
}
