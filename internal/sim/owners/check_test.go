package owners

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
)

// check says what is wrong with how a run ended, or nil.
func (o *owners) Check() error {
	log, err := sim.Judge(o.log.Whole(), 0)
	if err != nil {
		return err
	}
	for _, check := range []func([]sim.Counted) error{
		func(log []sim.Counted) error { return sim.Agree(o.world, o.log.Whole(), log) },
		sim.CheckEpochs, o.checkInputs, o.checkCores, o.checkPublished, o.two.check, o.followers.check, o.followers.neverLost,
	} {
		if err := check(log); err != nil {
			return err
		}
	}
	return nil
}

// checkInputs: every input took effect exactly once, whole and in order, and
// what is owed for it was paid once.
func (o *owners) checkInputs(log []sim.Counted) error {
	input, part, started, owing := uint64(0), 0, 0, 0
	advance := func() {
		for input < o.produced && part >= toyEvents(input) {
			input, part = input+1, 0
		}
	}
	advance()
	for _, l := range log {
		switch m := l.Message.(type) {
		case *events.TaskProgressed:
			if m.Token != input || int(m.Attempt) != part {
				return fmt.Errorf("offset %d: part %d of input %d counts; part %d of input %d was next",
					l.Offset, m.Attempt, m.Token, part, input)
			}
			if part == 0 {
				owing++
			}
			part++
			advance()
		case *events.TaskStarted:
			started++
		}
	}
	if input != o.produced {
		return fmt.Errorf("input %d never took effect", input)
	}
	if started != owing {
		return fmt.Errorf("%d events were owed, %d count", owing, started)
	}
	return nil
}

// checkCores: whenever an owner looked, its core was the fold of the log.
func (o *owners) checkCores(log []sim.Counted) error {
	fold, digests := &toy{}, make([]uint64, len(log)+1)
	for _, l := range log {
		fold.Apply(l.Logged)
		digests[fold.count] = fold.digest
	}
	for _, s := range o.seen {
		if s.count >= len(digests) || digests[s.count] != s.digest {
			return fmt.Errorf("%s had a core of %d events that is not the fold of the log", s.node, s.count)
		}
	}
	return nil
}

// checkPublished: every receiver saw what was published exactly once in effect,
// in order, and nothing that does not count.
func (o *owners) checkPublished(log []sim.Counted) error {
	var want [toyParts][]sim.Counted
	for _, l := range log {
		if to, ok := toyPublished(l.Message); ok {
			want[to] = append(want[to], l)
		}
	}
	for to, partition := range o.published {
		var got []sim.Counted
		var high sim.Mark
		for _, r := range partition.Records() {
			if high.Recovered(&r) {
				continue
			}
			m, fresh, err := high.Above(&r)
			if err != nil {
				return err
			}
			if fresh {
				_, message, err := events.Decode(&r)
				if err != nil {
					return err
				}
				got = append(got, sim.Counted{Logged: events.Logged{Epoch: m.Epoch, N: m.N, Message: message}})
			}
		}
		if err := samePublished(want[to], got); err != nil {
			return fmt.Errorf("published partition %d: %w", to, err)
		}
	}
	return nil
}

func samePublished(want, got []sim.Counted) error {
	for i := range want {
		switch {
		case i >= len(got):
			return fmt.Errorf("event %d/%d at offset %d never arrived", want[i].Epoch, want[i].N, want[i].Offset)
		case got[i].Epoch != want[i].Epoch || got[i].N != want[i].N || !proto.Equal(got[i].Message, want[i].Message):
			return fmt.Errorf("effect %d is event %d/%d; the log has %d/%d there", i, got[i].Epoch, got[i].N, want[i].Epoch, want[i].N)
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("event %d/%d took effect, which does not count", got[len(want)].Epoch, got[len(want)].N)
	}
	return nil
}
