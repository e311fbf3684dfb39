package managers_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/services/manager/network"
)

// takeOver has another global manager fold the log, without the last of it, and begin a term.
func (w *world) takeOver(lost int) {
	w.old, w.elsewhere = w.global, false
	w.log = w.log[:max(w.floor, len(w.log)-lost)]
	w.global = network.NewBounded(6)
	for _, m := range w.log {
		w.global.Apply(events.Logged{Message: m})
	}
	w.ask(&events.NetworkPromoteRequested{Reason: "lost"})
	w.floor = len(w.log) // A term must not begin twice: doc.go of the core.
}

// promote has another global manager take over by a copy of the log that lacks the last of it.
// The one before knows nothing of that but what it hears of sites.
func (w *world) promote(lost int) {
	copied := network.NewBounded(6)
	for _, m := range w.log[:max(w.floor, len(w.log)-lost)] {
		copied.Apply(events.Logged{Message: m})
	}
	w.old, w.elsewhere = w.global, true
	w.global, w.log = network.NewBounded(6), nil
	w.imports++
	attempts := 1 + w.rng.IntN(2) // The first ones crash.
	for n := range attempts {
		parts, then := copied.Parts(fmt.Sprint("import", w.imports, n), "there", 200)
		if n < attempts-1 {
			parts = parts[:w.rng.IntN(len(parts)+1)]
		}
		for _, part := range parts {
			w.ask(part)
		}
		if n == attempts-1 {
			w.ask(then)
		}
	}
	if w.global.Term() <= copied.Term() || model.Digest(w.global.State().Objects()) != model.Digest(copied.State().Objects()) {
		w.fail("what was promoted is in term %d and has not what was imported", w.global.Term())
	}
	w.floor = len(w.log)
}

// hear has the global manager that was replaced hear of a site, and send it a full sync.
func (w *world) hear(at *local) {
	w.decideBy(w.old, at.core.Report())
	if of, syncing := w.old.Sync(at.name); syncing && w.chance(2) {
		for _, m := range w.full(of) {
			w.send(at, m)
		}
	}
	if r := at.core.Report(); network.Era(r.Term) > network.Era(w.old.Term()) && w.old.State().HasSite(at.name) && !w.old.Replaced() {
		w.fail("%s follows term %d, and the global manager of term %d goes on", at.name, r.Term, w.old.Term())
	}
}

// decideBy has another core than the global one decide on something.
func (w *world) decideBy(core *network.Core, m proto.Message) {
	w.ids++
	now := events.Clock{Now: w.clock, ReadTo: w.clock}
	emit := func(m proto.Message) { core.Apply(events.Logged{Message: proto.Clone(m)}) }
	core.Decide(events.Input[network.Command]{Value: network.Command{ID: fmt.Sprint(w.ids), Message: m}}, now, emit)
	for core.Advance(now, emit) {
	}
}

// goOn has the global manager of a term before change something, or send a site what it has.
func (w *world) goOn(at *local) {
	switch {
	case w.old == nil:
		return
	case w.elsewhere && w.chance(3):
		w.hear(at)
		return
	case w.chance(3):
		w.decideBy(w.old, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{w.object()}})
		return
	}
	if e := w.old.Entry(at.name, at.core.Report().Sequence+1); e != nil {
		w.send(at, e)
	}
}
