package managers_test

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
)

func segment(path string, vlan uint32) *events.NetworkObject {
	return &events.NetworkObject{Path: path, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: vlan}}}
}

// span draws a span of sites that are there.
func (w *world) span() *events.NetworkSpan {
	if w.chance(3) {
		return &events.NetworkSpan{Selector: []string{"*", "region=eu", "region!=eu"}[w.rng.IntN(3)]}
	}
	all := w.global.State().Sites()
	s := &events.NetworkSpan{}
	for _, of := range all {
		if w.chance(2) {
			s.Sites = append(s.Sites, of.Name)
		}
	}
	if len(s.Sites) == 0 {
		return &events.NetworkSpan{Selector: "*"}
	}
	return s
}

// object draws an object, which may refer to what is not there.
func (w *world) object() *events.NetworkObject {
	in := fmt.Sprint("/networks/n", w.rng.IntN(2))
	path := func(folder string) string { return fmt.Sprintf("%s/%s/%d", in, folder, w.rng.IntN(3)) }
	version := uint32(w.rng.IntN(4))
	var m *events.NetworkObject
	switch w.rng.IntN(5) {
	case 0:
		return &events.NetworkObject{Path: in, Span: w.span(), Spec: &events.NetworkObject_Network{Network: &events.Network{Description: fmt.Sprint(version)}}}
	case 1:
		m = &events.NetworkObject{Path: path("routers"), Spec: &events.NetworkObject_Router{Router: &events.NetworkRouter{Routes: []string{fmt.Sprintf("10.%d.0.0/16", version)}}}}
	case 2:
		m = segment(path("segments"), version)
		if w.chance(2) {
			m.GetSegment().Router = path("routers")
		}
	case 3:
		g := &events.NetworkGroup{Addresses: []string{fmt.Sprintf("10.0.0.%d", version)}}
		if w.chance(2) {
			g.Segments = []string{path("segments")}
		}
		return &events.NetworkObject{Path: path("groups"), Spec: &events.NetworkObject_Group{Group: g}}
	default:
		m = &events.NetworkObject{Path: path("rules"), Spec: &events.NetworkObject_Rule{Rule: &events.NetworkRule{From: []string{path("groups")}, Action: "deny", Priority: version}}}
	}
	if w.chance(3) {
		m.Span = w.span()
	}
	return m
}

func (w *world) change() {
	m := &events.NetworkChangeRequested{}
	for range 1 + w.rng.IntN(3) {
		m.Objects = append(m.Objects, w.object())
	}
	if all := w.global.State().Objects(); len(all) > 0 && w.chance(2) {
		m.Deletes = append(m.Deletes, string(all[w.rng.IntN(len(all))].Path))
		if w.chance(2) {
			m.Objects = nil
		}
	}
	w.ask(m)
}

// step does something.
func (w *world) step() {
	at := w.locals[names[w.rng.IntN(len(names))]]
	switch w.rng.IntN(48) {
	case 0:
		w.ask(&events.NetworkSiteRequested{Site: at.name, Labels: map[string]string{"region": []string{"eu", "us"}[w.rng.IntN(2)]}})
	case 1:
		if w.chance(4) {
			w.ask(&events.NetworkSiteRetireRequested{Site: at.name, Force: true})
		}
	case 2:
		w.ask(&events.NetworkResyncRequested{Site: at.name, Abort: w.chance(3)})
	case 3:
		at.away = !at.away
	case 4:
		w.restart(at)
	case 5:
		at.sync = nil // The channel crashes in the middle of it.
	case 6:
		switch w.rng.IntN(4) {
		case 0, 1:
			w.takeOver(w.rng.IntN(30))
		case 2:
			w.promote(w.rng.IntN(30))
		}
	case 7, 8:
		w.ask(&events.NetworkWithdrawRequested{Change: w.global.Change() - uint64(w.rng.IntN(3))})
	case 9:
		state := w.global.Snapshot(nil)
		fresh := network.NewBounded(6)
		if err := fresh.Restore(state); err != nil || string(fresh.Snapshot(nil)) != string(state) {
			w.fail("the global manager is not restored as it was: %v", err)
		}
		w.global = fresh
	case 10, 11, 12, 13, 14, 15, 16, 17:
		w.change()
	case 18, 19, 20, 21, 22, 23, 24, 25, 26, 27:
		if !at.away || w.chance(4) {
			w.channel(at)
		}
	case 44, 45, 46, 47:
		w.goOn(at)
	case 28, 29, 30, 31:
		w.finish(at)
	case 32:
		w.miss(at)
	default:
		w.read(at)
	}
}

// story is the world of a seed.
type story struct {
	*world
}

func newStory(seed uint64, m mutant) *story {
	w := newWorld(seed, m)
	w.floor = len(w.log)
	return &story{w}
}

// Run implements sim.Story.
func (s *story) Run() {
	for range 300 {
		if s.step(); s.wrong != "" {
			return
		}
	}
	s.settle()
	s.judge()
}

// Check implements sim.Story.
func (s *story) Check() error {
	if s.wrong == "" {
		return nil
	}
	return errors.New(s.wrong)
}

// Records implements sim.Story: network.changes.
func (s *story) Records() (out []events.Record) {
	for i, m := range s.log {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			s.fail("a message of the log: %v", err)
		}
		out = append(out, events.Record{Offset: int64(i), Key: []byte(events.TypeOf(m)), Value: data})
	}
	return out
}

// Tell implements sim.Teller.
func (s *story) Tell(say func(format string, args ...any)) {
	for i, m := range s.log {
		say("%d %s %v", i, events.TypeOf(m), m)
	}
}

// Whatever happens, in the end each site has what it must have, and its own objects.
func TestSimManagers(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(1500, 40), func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}

func TestSimManagersAgain(t *testing.T) {
	t.Parallel()
	sim.SameRun(t, func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}

// Wrong managers, each of which some seed finds out.
var mutants = map[string]mutant{
	"local ignores the sequence": {receives: func(at *local, m proto.Message) proto.Message {
		if e, ok := m.(*events.NetworkEntry); ok {
			r := at.core.Report()
			e = proto.Clone(e).(*events.NetworkEntry)
			e.Term, e.Sequence, e.Previous = max(r.Term, 1), r.Sequence+1, r.Sequence
			return e
		}
		return m
	}},
	"local takes older terms": {receives: func(at *local, m proto.Message) proto.Message {
		if b, ok := m.(*events.NetworkSyncBegin); ok && b.Term < at.core.Report().Term {
			b = proto.Clone(b).(*events.NetworkSyncBegin)
			b.Term, b.SyncId = at.core.Report().Term, "older "+b.SyncId
			return b
		}
		if e, ok := m.(*events.NetworkEntry); ok && e.Term < at.core.Report().Term {
			e = proto.Clone(e).(*events.NetworkEntry)
			e.Term = at.core.Report().Term
			return e
		}
		return m
	}},
	"local does not look for gaps": {receives: func(at *local, m proto.Message) proto.Message {
		if e, ok := m.(*events.NetworkEntry); ok && e.Sequence > at.core.Report().Sequence {
			e = proto.Clone(e).(*events.NetworkEntry)
			e.Sequence, e.Previous = at.core.Report().Sequence+1, at.core.Report().Sequence
			return e
		}
		return m
	}},
	"ends that were missed are waited for": {receives: func(_ *local, m proto.Message) proto.Message {
		if _, ok := m.(*events.NetworkEndsMissed); ok {
			return nil
		}
		return m
	}},
	"what was sent is reported as applied": {reports: func(w *world, m *events.NetworkSiteReport) {
		if m.Term == w.global.Term() {
			m.Sequence = w.global.Last(m.Site)
		}
	}},
	"fan-out to the new span only": {sends: func(e *events.NetworkEntry) { e.Removes = nil }},
	"nothing is compensated": {sends: func(e *events.NetworkEntry) {
		if e.Skipped == "" && e.Change%3 == 0 {
			e.Puts = nil
		}
	}},
	"the sweep touches local objects": {emits: func(at *local, m proto.Message) []proto.Message {
		if _, ok := m.(*events.NetworkSyncApplied); ok {
			return []proto.Message{m, &events.NetworkLocalChanged{Deletes: []string{at.own.Path}}}
		}
		return []proto.Message{m}
	}},
	"nothing is swept": {emits: func(at *local, m proto.Message) []proto.Message {
		if _, ok := m.(*events.NetworkSyncApplied); ok {
			kept := &events.NetworkSyncSegment{}
			for _, o := range at.core.Wanted() {
				kept.Objects = append(kept.Objects, o.Revised())
			}
			return []proto.Message{&events.NetworkSyncCollected{Segment: kept}, m}
		}
		return []proto.Message{m}
	}},
	"the base is later than what is sent": {syncs: func(w *world, of *network.SyncOf) {
		w.change()
		of.Begin.Base = w.global.Last(of.Begin.Site)
	}},
	"the base is earlier than what is sent, and of another term": {syncs: func(w *world, of *network.SyncOf) { of.Begin.Term-- }},
}

func TestSimManagerMutantsDie(t *testing.T) {
	t.Parallel()
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story { return newStory(seed, m) })
		})
	}
}
