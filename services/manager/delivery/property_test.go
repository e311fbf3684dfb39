package delivery

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// object draws an object. All are in one network, and refer to at most one other.
func (w *world) object() *events.NetworkObject {
	span := &events.NetworkSpan{Selector: "*"}
	if w.chance(2) {
		span = &events.NetworkSpan{Sites: []string{names[0]}}
		if name := names[w.rng.IntN(len(names))]; w.global.State().HasSite(name) {
			span.Sites = []string{name}
		}
	}
	version := uint32(1 + w.rng.IntN(100))
	if w.chance(3) {
		return &events.NetworkObject{Path: fmt.Sprint("/networks/n/routers/", w.rng.IntN(3)), Span: span, Spec: &events.NetworkObject_Router{Router: &events.NetworkRouter{Routes: []string{fmt.Sprintf("10.%d.0.0/16", version)}}}}
	}
	s := &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: version}
	if w.chance(3) {
		s.Router = fmt.Sprint("/networks/n/routers/", w.rng.IntN(3))
	}
	return &events.NetworkObject{Path: fmt.Sprint("/networks/n/segments/", w.rng.IntN(6)), Span: span, Spec: &events.NetworkObject_Segment{Segment: s}}
}

func (w *world) change() {
	m := &events.NetworkChangeRequested{Objects: []*events.NetworkObject{w.object()}}
	if _, there := w.global.State().Object("/networks/n"); !there {
		m.Objects = append(m.Objects, &events.NetworkObject{Path: "/networks/n", Span: &events.NetworkSpan{Selector: "*"}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}})
	}
	if all := w.global.State().Objects(); len(all) > 1 && w.chance(4) {
		m.Objects, m.Deletes = nil, []string{string(all[w.rng.IntN(len(all))].Path)}
	}
	w.decide(m)
}

// step does something.
func (w *world) step() {
	w.clock += int64(w.rng.IntN(200))
	at := w.at[names[w.rng.IntN(len(names))]]
	switch n := w.rng.IntN(100); {
	case n < 15:
		w.change()
	case n < 18:
		w.decide(&events.NetworkWithdrawRequested{Change: w.global.Change() - uint64(w.rng.IntN(3))})
	case n < 20:
		w.decide(&events.NetworkResyncRequested{Site: at.name, Abort: w.chance(2)})
	case n == 20:
		w.decide(&events.NetworkSiteRetireRequested{Site: at.name, Force: true})
	case n < 23:
		w.decide(&events.NetworkSiteRequested{Site: at.name, Labels: map[string]string{"region": "eu"}})
	case n == 23 && w.chance(3):
		w.takeOver(w.rng.IntN(20))
	case n == 24 && w.chance(3):
		at.saved = at.core.Snapshot(nil)
	case n == 25 && w.chance(2):
		w.forget(at)
	case n < 28:
		at.begin() // The delivery crashes between two steps.
	case n < 31 && at.old != nil:
		w.feed(at, at.old)
	case n < 50:
		w.feed(at, w.global)
	case n < 70:
		for range 1 + w.rng.IntN(3) {
			w.send(at)
		}
	case n < 78:
		w.tell(at)
	default:
		for range 1 + w.rng.IntN(12) {
			w.receive(at)
		}
	}
}

// forget has a site lose the end of its log, or all of it.
func (w *world) forget(at *receiver) {
	at.core = site.New(site.Config{Site: at.name})
	if len(at.saved) > 0 {
		if err := at.core.Restore(at.saved); err != nil {
			w.fail("%s: %v", at.name, err)
		}
	}
}

// takeOver has another global manager fold the log, without the last of it, and begin a term. The
// deliveries of the one before go on.
func (w *world) takeOver(lost int) {
	for _, at := range w.at {
		at.old = w.global
		at.begin()
	}
	w.log = w.log[:max(w.floor, len(w.log)-lost)]
	w.global = network.NewBounded(12)
	for _, m := range w.log {
		w.global.Apply(events.Logged{Message: m})
	}
	w.decide(&events.NetworkPromoteRequested{Reason: "lost"})
	w.floor = len(w.log) // A term must not begin twice.
}

// settle lets everything come to rest.
func (w *world) settle() {
	w.calm = true
	for range 2000 {
		idle := true
		w.clock += 300
		w.decide(nil)
		for _, name := range names {
			at := w.at[name]
			before := fmt.Sprint(len(at.inbox), at.calls, at.seen(), len(w.log))
			for range 20 {
				w.feed(at, w.global)
				w.send(at)
				w.receive(at)
				w.tell(at)
			}
			idle = idle && at.read == len(at.inbox) && before == fmt.Sprint(len(at.inbox), at.calls, at.seen(), len(w.log))
		}
		if idle && w.rested() {
			return
		}
	}
	w.fail("it does not come to rest")
}

// rested tells whether nothing is due any more.
func (w *world) rested() bool {
	for _, of := range w.global.Sites() {
		if of.Syncing || of.Applied != of.Last {
			return false
		}
	}
	return true
}

// seeds are played.
const seeds = 150

func run(seed uint64, mutant string) *world {
	w := newWorld(seed, mutant)
	for range 600 {
		if w.step(); w.wrong != "" {
			return w
		}
	}
	if w.settle(); w.wrong == "" {
		w.judge()
	}
	return w
}

// Whatever is lost, doubled or late, and whenever deliveries crash: in the end each site has what
// it must have, each entry was in its queue before it was sent, and left it when it was applied.
func TestNothingIsDoubledOrLeftOut(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for seed := range uint64(seeds) {
		w := run(seed, "")
		if w.wrong != "" {
			t.Fatalf("seed %d: %s", seed, w.wrong)
		}
		for kind, n := range w.counts {
			counts[kind] += n
		}
	}
	for _, kind := range []string{"wait", "enqueue", "trim", "end", "send", "begin", "parts", "ask", "tell"} {
		if counts[kind] == 0 {
			t.Errorf("no delivery ever did this: %s", kind)
		}
	}
	t.Log(counts)
}

func TestMutantsAreFoundOut(t *testing.T) {
	t.Parallel()
	for _, mutant := range []string{queueIsNotWaitedFor, sentIsTakenOut, oldEntriesStay, jumpsAreWaitedFor, nothingIsSentAgain, nothingIsToldAgain} {
		t.Run(mutant, func(t *testing.T) {
			for seed := range uint64(seeds) {
				if w := run(seed, mutant); w.wrong != "" {
					t.Logf("seed %d: %s", seed, w.wrong)
					return
				}
			}
			t.Error("no seed finds it out")
		})
	}
}
