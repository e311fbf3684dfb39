package fleet

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// check says what is wrong with how a run ended, or nil.
func (f *fleet) Check() error {
	if len(f.complaints) > 0 {
		return fmt.Errorf("%s (%d complaints)", f.complaints[0], len(f.complaints))
	}
	log, err := sim.Judge(f.log.Whole(), 0)
	if err != nil {
		return err
	}
	for _, check := range []func([]sim.Counted) error{
		func(log []sim.Counted) error { return sim.Agree(f.world, f.log.Whole(), log) },
		sim.CheckEpochs, f.checkGuarantees, f.checkMatches, f.checkRequests, f.checkCores, f.checkResults, f.checkPublished,
	} {
		if err := check(log); err != nil {
			return err
		}
	}
	return nil
}

// judged is what the verifier finds: G1 to G6, from the log alone.
func (f *fleet) judged() tasks.Report {
	p := tasks.NewPartition(fleetTopics.Events(), fleetPartition, tasks.Options{NoneOpen: true})
	records := f.log.Records()
	for i := range records {
		p.Feed(&records[i])
	}
	return p.Report()
}

func (f *fleet) checkGuarantees([]sim.Counted) error {
	r := f.judged()
	if !r.OK() {
		v := r.Findings[0]
		return fmt.Errorf("%s at offset %d, task %q, engine %q: %s (%d findings)", v.Rule, v.Offset, v.Task, v.Engine, v.Text, r.Violations)
	}
	return nil
}

// checkCores: whenever a scheduler looked, its core was the fold of the log.
func (f *fleet) checkCores(log []sim.Counted) error {
	fold, at := placement.New(f.placement()), make([]uint64, len(log)+1)
	wanted := make(map[int]bool, len(f.seen))
	for _, s := range f.seen {
		wanted[s.events] = true
	}
	for i, l := range log {
		fold.Apply(l.Logged)
		if wanted[i+1] {
			at[i+1] = fold.Hash()
		}
	}
	for _, s := range f.seen {
		if s.events >= len(at) || s.events > 0 && at[s.events] != s.hash {
			return fmt.Errorf("%s had a core of %d events that is not the fold of the log: its hash is %016x", s.node, s.events, s.hash)
		}
	}
	return nil
}

// checkResults: no handler was entered twice for one attempt, and every end of
// an attempt that was accepted is what its engine said of that very attempt.
func (f *fleet) checkResults(log []sim.Counted) error {
	for _, l := range log {
		if token, outcome := endOf(l.Message); outcome != 0 && f.reported[token] != outcome {
			return fmt.Errorf("offset %d: the attempt with token %d ended as %v, but its engine said %v",
				l.Offset, token, outcome, f.reported[token])
		}
		switch m := l.Message.(type) {
		case *events.TaskAssigned:
			if n := f.starts[events.Token(m.Token)]; n > 1 {
				return fmt.Errorf("task %q: the handler of attempt %d was entered %d times", m.TaskId, m.Attempt, n)
			}
		case *events.TaskSucceeded:
			if string(m.Result) != fmt.Sprint(m.Token) {
				return fmt.Errorf("task %q: attempt %d with token %d was given the result of token %s", m.TaskId, m.Attempt, m.Token, m.Result)
			}
		}
	}
	return nil
}

// endOf is what an engine must have said for an event to be.
func endOf(m proto.Message) (token events.Token, outcome events.AttemptFinished_Outcome) {
	switch m := m.(type) {
	case *events.TaskSucceeded:
		return events.Token(m.Token), events.AttemptFinished_SUCCEEDED
	case *events.TaskFailed:
		return events.Token(m.Token), events.AttemptFinished_FAILED_FINALLY
	case *events.TaskAttemptFailed:
		if m.Error.GetCode() == "OOPS" {
			return events.Token(m.Token), events.AttemptFinished_FAILED
		}
	case *events.TaskAssignmentRefused:
		return events.Token(m.Token), events.AttemptFinished_REFUSED
	}
	return 0, 0
}
