package tasks

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/pkg/events"
)

// cut deletes the records below an offset.
func (l *log) cut(before int) { l.Records = l.Records[before:] }

// Whatever a log is cut down to, the rest of a sound one is sound.
func TestTruncatedAnywhere(t *testing.T) {
	t.Parallel()
	soundEnough := func() *log {
		l := newLog(t)
		l.each(raised(), eng("e", "i1", 3), eng("f", "i1", 1), limited("t", 1), after("u", "t"), accepted("v"),
			assigned("t", 1), assigned("v", 2),
			&events.TaskStarted{TaskId: "t", Pool: "p", EngineId: "e", Attempt: 1, Token: 1},
			observed("slots", 1), &events.TaskProgressed{TaskId: "v", Pool: "p", EngineId: "e", Attempt: 1, Token: 2})
		l.Claim()
		l.each(succeeded("t", 1), assigned("u", 3), limited("w", 1),
			reserved("w", "f"), onEngine(assigned("w", 4), "f"), &events.EngineDraining{EngineId: "e", Incarnation: "i1", Pool: "p"},
			lost("i1"), &events.TaskStaleResultRejected{TaskId: "v", Pool: "p", EngineId: "e", Token: 2},
			&events.TaskRetryScheduled{TaskId: "v", Pool: "p"}, eng("e", "i2", 1))
		again := assigned("v", 5)
		again.Incarnation = "i2"
		l.each(again, cancelled("u"), &events.TaskExpired{TaskId: "w", Pool: "p"})
		done := succeeded("v", 5)
		l.each(done, &events.LogTruncated{Before: 3})
		return l
	}
	whole := soundEnough()
	whole.finds(Options{NoneOpen: true})
	for before := 1; before < len(whole.Records); before++ {
		l := soundEnough()
		l.cut(before)
		r := l.finds(Options{NoneOpen: true})
		if len(r.Partial) != 1 || r.Partial[0].Begins != int64(before) || r.Partial[0].From != int64(before) {
			t.Fatalf("cut at %d: %+v", before, r.Partial)
		}
		if r.Counted != r.Records {
			t.Fatalf("cut at %d: %d of %d count", before, r.Counted, r.Records)
		}
	}
}

// What stands before the first batch that is where its writer expected it is no
// part of the judgement.
func TestBeginsWhereItCan(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	moved := l.Made(accepted("t"), accepted("u"))
	l.Land(events.Record{Value: []byte("x")})
	l.Land(moved...) // Expected at 1, stands at 2.
	l.History = chain.Hash(l.History, moved)
	l.Batch(cancelled("t"))
	l.cut(1)
	r := l.finds(Options{})
	if r.Partial[0] != (Partial{Partial: chain.Partial{Log: handmade.Topic, Partition: handmade.Partition, Begins: 1, From: 4}, Tasks: 1}) || r.Skipped["before_start"] != 2 || r.Skipped["no_batch"] != 1 {
		t.Errorf("%+v, skipped %v", r.Partial, r.Skipped)
	}
}

// What is known of a truncated log is judged all the same.
func TestBrokenAndTruncated(t *testing.T) {
	t.Parallel()
	before := []proto.Message{raised(), eng("e", "i1", 2), accepted("t"), accepted("u"), assigned("t", 1)}
	wrong := assigned("v", 9)
	wrong.Incarnation = "i0"
	for _, c := range []brokenLog{
		{"two results", []proto.Message{succeeded("t", 1), succeeded("t", 1)}, Options{}, []string{"G2 a result of a task that succeeded"}},
		{"never ended", []proto.Message{assigned("u", 2)}, Options{NoneOpen: true}, []string{"G1 met at offset"}},
		{"two attempts at once", []proto.Message{assigned("u", 2), assigned("u", 3)}, Options{}, []string{"G2 assigned while"}},
		{"tokens fall", []proto.Message{assigned("u", 5), &events.TaskAttemptReturned{TaskId: "u", Pool: "p", EngineId: "e", Token: 5}, assigned("u", 4)},
			Options{}, []string{"G2 token 5 was given before"}},
		{"another incarnation", []proto.Message{assigned("u", 2), accepted("v"), wrong}, Options{}, []string{"G4 not registered"}},
		{"a lost engine", []proto.Message{lost("i1"), assigned("u", 2)}, Options{}, []string{"G4 not registered"}},
		{"an engine that came since", []proto.Message{eng("e", "i1", 1), accepted("v"), accepted("w"), assigned("v", 2), assigned("w", 3)},
			Options{}, []string{"G3 need 2 of slots"}},
		{"a task of before on an engine that came since", []proto.Message{eng("e", "i1", 1), assigned("u", 2), where("v", "engine.free.slots > 1"), assigned("v", 3)},
			Options{}, nil},
		{"a predicate that can be judged", []proto.Message{eng("e", "i1", 1), assigned("u", 2), where("v", "engine.labels.gpu > 2"), assigned("v", 3)},
			Options{}, []string{"G4 it is false"}},
		{"a report on what never counted", []proto.Message{assigned("u", 2), &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "e", Token: 3}},
			Options{}, []string{"G6 never given"}},
		{"a report on what was before", []proto.Message{assigned("u", 2), &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}}, Options{}, nil},
		{"the limit of those that are known", []proto.Message{limited("v", 1), limited("w", 1), assigned("v", 2), assigned("w", 3)}, Options{}, []string{"G3 its limit is 1"}},
		{"after one of before", []proto.Message{after("v", "s"), assigned("v", 2)}, Options{}, nil},
		{"after one that is open", []proto.Message{succeeded("t", 1), after("v", "t", "u"), cancelled("u"), assigned("v", 2)}, Options{}, []string{"G4 cancelled"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			l.each(before...)
			n := len(l.Records)
			for _, m := range c.log {
				l.each(proto.Clone(m))
			}
			l.cut(n)
			l.finds(c.opts, c.want...)
		})
	}
}

// A tail that was lost: owners that could not know are not to blame.
func TestLostTail(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.each(eng("e", "i1", 2), accepted("t"))
	kept, history := len(l.Records), l.History
	l.each(accepted("u"), assigned("u", 1))
	l.Records, l.History = l.Records[:kept], history // The brokers lose it.
	blind := l.Made(succeeded("u", 1))
	handmade.Rebase(blind, 42) // Decided on what is gone.
	l.Land(blind...)
	l.Claim()
	l.each(&events.LogTailLost{SeenEpoch: 1, SeenN: 3, Epoch: 1, N: 1, Witness: "engine e"},
		&events.TaskStaleResultRejected{TaskId: "u", Pool: "p", EngineId: "e", Token: 1}, assigned("t", 1), succeeded("t", 1))
	r := l.finds(Options{NoneOpen: true}, "LOSS decided on history", "LOSS engine e had seen event 3 of epoch 1, but here the log ended with event 1 of epoch 1", "LOSS never given")
	if r.Losses != 3 || r.OK() {
		t.Errorf("%d losses", r.Losses)
	}
	// What breaks a guarantee after it is no loss.
	l.each(succeeded("t", 1))
	if r = l.judge(Options{}); r.Violations != 4 || r.Losses != 3 {
		t.Errorf("%d violations, %d losses", r.Violations, r.Losses)
	}
}

// A log that an operator gave up in part begins anew with nothing.
func TestLossAccepted(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.each(raised(), eng("e", "i1", 2), limited("t", 1), accepted("u"), assigned("t", 1))
	l.Claim()
	l.each(&events.LogLossAccepted{Reason: "disk", From: 2, To: 9}, raised(),
		eng("e", "i1", 1), limited("v", 1), assigned("v", 2), &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}, succeeded("v", 2))
	r := l.finds(Options{NoneOpen: true}, `LOSS offsets 2 to 8 was accepted ("disk"): 2 tasks`)
	if r.Open != 0 {
		t.Errorf("%d are open", r.Open)
	}
	l.each(cancelled("u"))
	l.finds(Options{}, "LOSS accepted", "G1 never accepted")
}

// Tokens only grow, whatever was lost: handlers' stores have seen them.
func TestTokensGrowOverLoss(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.each(raised(), eng("e", "i1", 2), accepted("t"), assigned("t", 1))
	l.Claim()
	l.each(&events.LogLossAccepted{Reason: "disk", From: 2, To: 9}, raised(), eng("e", "i1", 1), accepted("v"), assigned("v", 1))
	l.finds(Options{}, "LOSS accepted", "G2 assigned under token 1; token 1 was given before")
}
