package placement

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// TestOldAndNewFoldAlike: a binary that knows the first version only and one that
// knows the newest never fold one record differently. They are equal until the
// log is raised; there the old one stops, and says why.
func TestOldAndNewFoldAlike(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newChaos(rt, t, Config{FoldVersion: foldFirst}) // For a while nobody raises.
		old := New(c.cfg)
		old.knows = foldFirst
		equal := func() {
			if a, b := old.Snapshot(nil), c.replica.Snapshot(nil); !bytes.Equal(a, b) {
				rt.Fatalf("the old binary's state differs from the new one's after %d events", len(c.log))
			}
		}
		c.onEvent = func(l events.Logged) {
			switch l.Message.(type) {
			case *events.LogTruncated, *events.PoolConfigured: // It does not know them.
				l.Message = nil
			}
			old.Apply(l)
			if c.replica.FoldVersion() == foldFirst {
				equal()
			}
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			c.step()
			if c.draw(3, "advance") > 0 {
				c.advance()
			}
			if c.draw(8, "truncated") == 0 { // Not meant for the first version.
				c.emit(&events.LogTruncated{Before: c.offset, AtMs: c.lastAt})
				c.emit(&events.PoolConfigured{Pool: blue, AtMs: c.lastAt})
			}
		}
		if old.Err() != nil {
			rt.Fatalf("the old binary stopped at its own version: %v", old.Err())
		}
		c.state.cfg.FoldVersion, c.asleep = foldWhole, sleep{}
		before := len(c.log)
		c.advance()
		if len(c.log) == before || c.log[before].Type != events.TypeLogFoldVersionRaised {
			rt.Fatal("the first decision of an owner that may raise does not raise")
		}
		var e *FoldVersionError
		if err := old.Err(); !errors.As(err, &e) || e.Version != foldWhole || e.Known != foldFirst || !strings.Contains(err.Error(), "upgrade") {
			rt.Fatalf("the old binary goes on: %v", err)
		}
		stopped := old.Hash()
		c.step()
		c.advance()
		old.Advance(c.clock(), func(m proto.Message) { rt.Fatalf("the old binary decides: %v", m) })
		if old.Hash() != stopped {
			rt.Fatal("the old binary folds on")
		}
		if err := old.Restore(c.state.Snapshot(nil)); !errors.As(err, &e) {
			rt.Fatalf("the old binary restores a newer state: %v", err)
		}
	})
}

// TestRaisesBeforeAnythingElse: what was asked for before anybody owned the log is
// decided before the first Advance, and by the version that the owner may raise to.
func TestRaisesBeforeAnythingElse(t *testing.T) {
	for version, want := range map[uint32][]events.Type{
		foldFirst: {events.TypeTaskRejected},
		foldWhole: {events.TypeLogFoldVersionRaised, events.TypeTaskAccepted},
	} {
		w := newWorld(t, Config{FoldVersion: version})
		w.state, w.replica, w.log = New(w.cfg), New(w.cfg), nil
		w.send(&events.TaskRequested{TaskId: "t", Pool: blue, Kind: "k", LimitKey: "db"})
		var got []events.Type
		for _, l := range w.log {
			got = append(got, l.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("an owner that may raise to version %d writes %v first, want %v", version, got, want)
		}
	}
}

// TestNewFieldsNeedTheirVersion: until the log is raised, requests with new
// fields are refused, by every binary.
func TestNewFieldsNeedTheirVersion(t *testing.T) {
	tasks := map[string]*events.Task{
		"prefer":    {Prefer: "engine.free.slots"},
		"notBefore": {NotBeforeMs: 1},
		"limitKey":  {LimitKey: "k", Limit: 1},
		"after":     {After: []string{"t"}},
	}
	engines := map[string]*events.Engine{
		"engine.accepts": {Accepts: "task.priority > 5"},
		"engine.node":    {Node: "n1"},
	}
	refused := func(s *State, name string, err error) {
		t.Helper()
		var m *events.Malformed
		switch {
		case s.FoldVersion() >= foldWhole && err != nil:
			t.Errorf("%s is refused at version %d: %v", name, s.FoldVersion(), err)
		case s.FoldVersion() < foldWhole && (!errors.As(err, &m) || m.Code != events.CodeUnknownField || !strings.HasPrefix(m.Message, name)):
			t.Errorf("%s at version %d: %v", name, s.FoldVersion(), err)
		}
	}
	for _, version := range []uint32{foldFirst, foldWhole} {
		s := New(Config{})
		s.version = version
		for name, m := range tasks {
			refused(s, name, s.supports(m))
		}
		for name, m := range engines {
			refused(s, name, s.supportsEngine(m))
		}
		if s.supports(&events.Task{Kind: "k", Predicate: "true"}) != nil || s.supportsEngine(&events.Engine{Site: "eu"}) != nil {
			t.Errorf("version %d refuses what the first one had", version)
		}
	}
}

// TestRetryInTheFirstVersion takes the payload with it: older binaries do not
// know references.
func TestRetryInTheFirstVersion(t *testing.T) {
	w := newWorld(t, Config{FoldVersion: foldFirst, PayloadBytes: 4})
	w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
	for _, id := range []string{"held", "left"} { // There is room for one.
		w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Payload: []byte(id)})
		w.advance()
		w.finish(id, events.AttemptFinished_FAILED_FINALLY)
		w.send(&events.TaskRetryRequested{TaskId: id, Pool: blue})
	}
	for id, want := range map[string]string{
		"held": "accepted held.r1, a retry of held",
		"left": `rejected left: UNKNOWN_TASK: the payload of task "left" is not in memory, and to refer to it the log needs fold version 2; submit it again under a new ID`,
	} {
		found := false
		for _, l := range w.log {
			if found = found || narrate(l) == want; found {
				break
			}
		}
		if !found {
			t.Errorf("%s: not %q", id, want)
		}
	}
	if m, _ := w.last(events.TypeTaskAccepted); string(m.Message.(*events.TaskAccepted).Task.Payload) != "held" && w.task("held.r1").payloadLen != 4 {
		t.Errorf("the retry is %v", m.Message)
	}
}

// TestRetryInTheBatchOfItsPayload is refused, rather than refer to it: the batch
// may land elsewhere, and then something else stands at that offset.
func TestRetryInTheBatchOfItsPayload(t *testing.T) {
	w := newWorld(t, Config{})
	w.batch = w.offset
	again := func(id string) {
		w.send(&events.TaskCancelRequested{TaskId: id, Pool: blue})
		w.send(&events.TaskRetryRequested{TaskId: id, Pool: blue})
	}
	first := w.offset
	for _, id := range []string{"bare", "a"} {
		m := &events.TaskRequested{TaskId: id, Pool: blue, Kind: "k"}
		if id != "bare" {
			first, m.Payload = w.offset, []byte(id)
		}
		w.send(m)
		again(id)
	}
	if m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || m.TaskId != "a" || m.Code != string(events.CodeUnknownTask) {
		t.Errorf("the retry in the same batch ends with %s", narrate(w.log[len(w.log)-1]))
	}
	if w.task("bare.r1") == nil {
		t.Error("what has no payload is not retried")
	}
	w.batch = w.offset // All of that stands now.
	w.send(&events.TaskRetryRequested{TaskId: "a", Pool: blue})
	again("a.r1") // It refers to what stands, though a.r1 is of this batch.
	for _, id := range []string{"a.r1", "a.r2"} {
		found := slices.ContainsFunc(w.log, func(l events.Logged) bool {
			m, ok := l.Message.(*events.TaskAccepted)
			return ok && m.Task.Id == id && m.Task.PayloadAt == first && m.Task.Payload == nil
		})
		if !found {
			t.Errorf("%s was not accepted with the payload at %d", id, first)
		}
	}
}

// TestLossAccepted: what follows does not depend on whether one had folded what
// was lost.
func TestLossAccepted(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.submit("a", "")
	w.advance()
	late := New(w.cfg)
	w.onEvent = func(l events.Logged) { late.Apply(l) }
	w.emit(&events.LogLossAccepted{Reason: "a disk", AtMs: w.now + 5})
	w.now += 10
	w.advance()
	w.engine("e1", "2", map[string]int64{"slots": 1}, nil)
	w.submit("a", "")
	w.advance()
	if a, b := w.state.Hash(), late.Hash(); a != b {
		t.Errorf("the hash is %x, of one that begins at the loss %x", a, b)
	}
	if a := w.task("a"); a == nil || a.status != assigned || w.state.FoldVersion() != foldWhole {
		t.Errorf("after the loss a is %v, the fold version %d", a, w.state.FoldVersion())
	}
}

// TestTruncatedForgets what was kept of ended tasks whose payload goes.
func TestTruncatedForgets(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	at := map[string]int64{}
	for _, id := range []string{"a", "b", "bare"} {
		m := &events.TaskRequested{TaskId: id, Pool: blue, Kind: "k"}
		if id != "bare" {
			m.Payload = []byte(id)
		}
		at[id] = w.offset
		w.send(m)
		w.advance()
		w.finish(id, events.AttemptFinished_FAILED_FINALLY)
	}
	w.emit(&events.LogTruncated{Before: at["b"]})
	for _, id := range []string{"a", "b", "bare"} {
		w.send(&events.TaskRetryRequested{TaskId: id, Pool: blue})
		w.advance()
	}
	if w.task("a.r1") != nil || w.task("b.r1") == nil && w.task("bare.r1") == nil {
		t.Error("the wrong tasks were forgotten")
	}
	if m, _ := w.last(events.TypeTaskRejected); m.Message == nil || m.Message.(*events.TaskRejected).TaskId != "a" {
		t.Errorf("rejected is %v", m.Message)
	}
	if a, b := w.state.Hash(), w.replica.Hash(); a != b {
		t.Errorf("hash %x, replica %x", a, b)
	}
}

// TestTokensGrowOverLosses: handlers pass tokens to their own stores, so none is given
// again that may have been, in whichever pool, by an event that is lost.
func TestTokensGrowOverLosses(t *testing.T) {
	const offset, epoch = 500, 7
	given := func(s *State, pool events.Pool) uint64 {
		var token uint64
		c := s.cycle(events.Clock{}, func(m proto.Message) { token = m.(*events.TaskAssigned).Token })
		c.assign(s.poolOf(pool), &task{tmpl: &template{}}, &engine{}, nil)
		return token
	}
	apply := func(s *State, at int64, epoch uint32, m proto.Message) {
		s.Apply(events.Logged{Offset: at, Epoch: epoch, Message: m})
	}
	lived := func(version uint32) *State {
		s := New(Config{})
		s.version = version
		s.poolOf(blue).token = 100
		return s
	}
	for name, c := range map[string]struct {
		state *State
		loss  proto.Message
		// above what may have been given, there and in a pool that comes later.
		above, later uint64
	}{
		"a tail":                  {lived(foldWhole), &events.LogTailLost{SeenEpoch: 6, Epoch: 6}, 100 + 1<<32 - 1, 100 + 1<<32 - 1},
		"a tail that lost a tail": {lived(foldWhole), &events.LogTailLost{SeenEpoch: 8, Epoch: 6}, 100 + 3<<32 - 1, 100 + 3<<32 - 1},
		"none in version 1":       {lived(foldFirst), &events.LogTailLost{SeenEpoch: 6, Epoch: 6}, 100, 0},
		"all":                     {lived(foldWhole), &events.LogLossAccepted{}, epoch << 40, epoch << 40},
		"all of version 1":        {lived(foldFirst), &events.LogLossAccepted{}, epoch << 40, epoch << 40},
		"all, seen by nobody":     {New(Config{}), &events.LogLossAccepted{}, epoch<<40 + offset, epoch<<40 + offset},
	} {
		apply(c.state, offset, epoch, c.loss)
		s := restored(t, c.state)
		before := given(s, blue)
		if before <= c.above {
			t.Errorf("%s: token %d is given, up to %d may have been", name, before, c.above)
		}
		if got := given(s, "green"); got <= c.later {
			t.Errorf("%s: token %d is given in a new pool, up to %d may have been", name, got, c.later)
		}
		apply(s, offset+1, epoch, &events.LogTailLost{SeenEpoch: epoch, Epoch: epoch})
		apply(s, offset+2, epoch, &events.LogTailLost{SeenEpoch: epoch, Epoch: epoch})
		apply(s, offset+3, epoch+1, &events.LogLossAccepted{})
		if got := given(s, blue); got <= before+2*lostTail {
			t.Errorf("%s: token %d is given after more losses, %d before", name, got, before)
		}
	}
}
