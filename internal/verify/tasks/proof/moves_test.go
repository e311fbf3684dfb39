package proof

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// moves are the steps at which the pool is given up; in the step that follows it is taken over
// again, from the log itself, while its engines work on.
var moves = map[int]bool{60: true, 110: true, 150: true}

// move is what happens to the pool in a step.
func (s *story) move() {
	switch {
	case moves[s.step]:
		s.send(&events.PoolReplaceRequested{Pool: blue})
	case moves[s.step-1]:
		s.takeOver()
	}
}

func (s *story) takeOver() {
	state, log := placement.New(s.cfg), map[int64]proto.Message{}
	r := eventlog.NewReader(s.log, topics.Events(), partition)
	err := r.Barrier(context.Background(), func(l events.Logged, _ *events.Record) {
		state.Apply(l)
		log[l.Offset] = l.Message
	})
	if err != nil {
		s.t.Fatal(err)
	}
	then, err := state.HandOver(placement.Handover{
		Pool: blue, ID: fmt.Sprintf("import-%d", s.step), Of: fmt.Sprintf("X/log-%d/0@%d", s.step, r.Next()), Bytes: 64 << 10,
		Event: func(offset int64) (proto.Message, error) { return log[offset], nil },
		Send: func(m *events.PoolImportRequested) error {
			s.send(m)
			return nil
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(then)
}

// TestProofOfMoves: a pool is given up and taken over, while its engines work on: the log keeps
// the guarantees, and its corruptions are found.
func TestProofOfMoves(t *testing.T) {
	s := newStory(t, 3)
	s.moves = true
	s.tell()
	l := evidenceOf(t, s.records())
	seen, came := map[events.Type]int{}, int64(0)
	for _, m := range l.messages {
		seen[events.TypeOf(m)]++
		if m, ok := m.(*events.PoolPromoted); ok {
			came += m.Tasks
		}
	}
	t.Logf("%d parts, %d tasks", seen[events.TypePoolImported], came)
	if seen[events.TypePoolPromoted] != len(moves) || seen[events.TypePoolReplaced] != len(moves) || came < int64(manyTasks/20) {
		t.Errorf("the pool moves %d times, with %d tasks", seen[events.TypePoolPromoted], came)
	}
	for _, f := range judge(l.records).Findings {
		t.Errorf("%+v", f)
	}
	for i, c := range []corruption{
		change("tokens begin anew", "G2", always[*events.PoolPromoted], func(_ *evidence, _ int, m *events.PoolPromoted) proto.Message {
			m.Token = 1
			return m
		}),
		change("a part is lost", "G1", always[*events.PoolImported], func(*evidence, int, *events.PoolImported) proto.Message { return nil }),
		change("a task is lost", "G1", func(_ *evidence, _ int, m *events.PoolImported) bool { return len(m.Part.Tasks) > 0 },
			func(_ *evidence, _ int, m *events.PoolImported) proto.Message {
				m.Part.Tasks = m.Part.Tasks[1:]
				return m
			}),
		change("never given up", "G1 G2", always[*events.PoolReplaced], func(*evidence, int, *events.PoolReplaced) proto.Message { return nil }),
	} {
		t.Run(c.name, func(t *testing.T) { checkFound(t, l, c, uint64(i)) })
	}
}
