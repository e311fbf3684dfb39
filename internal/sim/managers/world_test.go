package managers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// mutant is what a wrong manager does. Nil functions change nothing.
type mutant struct {
	// receives changes what a site's core is given.
	receives func(at *local, m proto.Message) proto.Message
	// emits sees what a site's core decided, and says what is appended.
	emits func(at *local, m proto.Message) []proto.Message
	// reports changes what a channel tells.
	reports func(w *world, m *events.NetworkSiteReport)
	// sends changes what a channel sends.
	sends func(m *events.NetworkEntry)
	// syncs changes the base of a full sync.
	syncs func(w *world, of *network.SyncOf)
}

// world is a global manager, its sites, and what is between them.
type world struct {
	rng    *rand.Rand
	mutant mutant
	global *network.Core
	log    []proto.Message // network.changes
	floor  int             // what is behind it may be lost
	locals map[string]*local
	clock  int64
	ids    int
	wrong  string // the first thing that must not be
	told   []*events.NetworkSiteReport
	calm   bool // nothing is lost any more
	// old is the global manager of a term before, which knows of none later and goes on.
	old *network.Core
	// elsewhere: it has another log than the one that was promoted.
	elsewhere bool
	imports   int
}

// local is a site.
type local struct {
	name string
	core *site.Core
	// inbox is what was sent; read is how far it was read.
	inbox []proto.Message
	read  int
	away  bool
	sync  []proto.Message // what is left of the full sync that is being sent
	of    uint64          // its number
	next  uint64          // the entry that the channel sends next, if it is not applied by then
	own   *events.NetworkObject
	// tasks are those in flight.
	tasks []*events.NetworkRealising
	log   []proto.Message // network.status
}

var names = []string{"ams", "fra", "sin", "nyc"}

func newWorld(seed uint64, m mutant) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 15)), mutant: m, global: network.NewBounded(6), locals: map[string]*local{}, clock: 1}
	for _, name := range names {
		w.locals[name] = &local{name: name, core: site.New(site.Config{Site: name})}
		own := segment("/networks/own/segments/"+name, 0)
		w.locals[name].own = own
		w.receive(w.locals[name], &events.NetworkLocalRequested{Objects: []*events.NetworkObject{own}})
	}
	for _, name := range names[:2] {
		w.ask(&events.NetworkSiteRequested{Site: name, Labels: map[string]string{"region": "eu"}})
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }

// decide has the global core decide on something.
func (w *world) decide(m proto.Message) {
	w.ids++
	w.clock += int64(w.rng.IntN(1000))
	now := events.Clock{Now: w.clock, ReadTo: w.clock}
	emit := func(m proto.Message) {
		m = proto.Clone(m)
		w.log = append(w.log, m)
		w.global.Apply(events.Logged{Message: m})
	}
	w.global.Decide(events.Input[network.Command]{Value: network.Command{ID: fmt.Sprint(w.ids), Message: m}}, now, emit)
	for w.global.Advance(now, emit) {
	}
}

func (w *world) ask(m proto.Message) { w.decide(m) }

// receive has the core of a site decide on something.
func (w *world) receive(at *local, m proto.Message) {
	if w.mutant.receives != nil {
		m = w.mutant.receives(at, m)
	}
	now := events.Clock{Now: w.clock, ReadTo: w.clock}
	emit := func(m proto.Message) {
		all := []proto.Message{m}
		if w.mutant.emits != nil {
			all = w.mutant.emits(at, m)
		}
		for _, m := range all {
			switch task := m.(type) {
			case *events.NetworkRealising:
				w.ordered(at, task)
				at.tasks = append(at.tasks, task)
			case *events.NetworkRealisationFailed:
				if task.Missed { // It is cancelled.
					at.tasks = slices.DeleteFunc(at.tasks, func(t *events.NetworkRealising) bool { return t.TaskId == task.TaskId })
				}
			}
			m = proto.Clone(m)
			at.log = append(at.log, m)
			at.core.Apply(events.Logged{Message: m})
		}
	}
	at.core.Decide(events.Input[site.Input]{Value: site.Input{ID: "1", Message: m}}, now, emit)
	for at.core.Advance(now, emit) {
	}
	w.closed(at)
}

// closed looks whether what a site must have refers to nothing that it must not.
func (w *world) closed(at *local) {
	has := map[model.Path]bool{}
	for _, o := range at.core.Wanted() {
		for _, r := range o.References {
			if !has[r] {
				w.fail("at %s, %s refers to %s, which is not there", at.name, o.Path, r)
			}
		}
		has[o.Path] = true
	}
}

// ordered looks whether a task is the only one of its object, whether what the object refers
// to was realised before it, and, if it is removed, whether nothing refers to it any more.
func (w *world) ordered(at *local, task *events.NetworkRealising) {
	for _, other := range at.tasks {
		if other.Path == task.Path {
			w.fail("%s: two tasks of %s are in flight", at.name, task.Path)
		}
	}
	if task.Object == nil {
		for _, s := range at.core.Statuses() {
			if s.Realised != nil && slices.Contains(model.NewObject(s.Realised, 0).References, model.Path(task.Path)) {
				w.fail("%s: %s is removed while %s refers to it", at.name, task.Path, s.Path)
			}
		}
		return
	}
	for _, r := range model.NewObject(task.Object, 0).References {
		if s, ok := at.core.StatusOf(r); ok && s.Wanted != nil && s.Standing != site.Realised {
			w.fail("%s: %s is realised while %s is %v", at.name, task.Path, r, s.Standing)
		}
	}
}

// finish ends a task that is in flight.
func (w *world) finish(at *local) {
	if len(at.tasks) == 0 {
		return
	}
	i := w.rng.IntN(len(at.tasks))
	id := at.tasks[i].TaskId
	at.tasks = slices.Delete(at.tasks, i, i+1)
	if !w.calm && w.chance(4) {
		w.receive(at, &events.TaskFailed{TaskId: id})
		return
	}
	w.receive(at, &events.TaskSucceeded{TaskId: id})
}

// miss has some tasks of a site end, and deletes how before it is read there.
func (w *world) miss(at *local) {
	ended := at.tasks[:min(len(at.tasks), w.rng.IntN(3))]
	late := slices.Clone(ended)
	at.tasks = slices.Clone(at.tasks[len(ended):])
	w.receive(at, &events.NetworkEndsMissed{To: 1})
	for _, task := range late { // It comes after all, as from another partition.
		if w.chance(4) {
			w.receive(at, &events.TaskSucceeded{TaskId: task.TaskId})
		}
	}
}

// channel does one thing of what the channel of a site does.
func (w *world) channel(at *local) {
	if !w.global.State().HasSite(at.name) {
		return
	}
	report := at.core.Report()
	of, syncing := w.global.Sync(at.name)
	switch {
	case syncing && (report.Term != of.Begin.Term || report.Sync < of.Begin.Sync):
		if len(at.sync) == 0 || at.of != of.Begin.Sync {
			at.sync, at.of = w.full(of), of.Begin.Sync
		}
		w.send(at, at.sync[0])
		at.sync = at.sync[1:]
	case report.Term == w.global.Term() && report.NeedsSync == "":
		at.next = max(at.next, report.Sequence+1)
		if at.next > w.global.Last(at.name) || w.chance(5) {
			at.next = report.Sequence + 1 // It begins anew behind what is applied.
		}
		if e := w.global.Entry(at.name, at.next); e != nil {
			at.next++
			if w.mutant.sends != nil {
				w.mutant.sends(e)
			}
			w.outside(at, e)
			w.send(at, e)
		}
	}
	w.report(at)
}

// outside looks whether a site gets only what it must have.
func (w *world) outside(at *local, e *events.NetworkEntry) {
	for _, put := range e.Puts {
		if o, ok := w.global.State().Object(model.Path(put.Object.Path)); ok && o.Revision == put.Revision {
			found := false
			for _, name := range w.global.State().At(o.Path) {
				found = found || name == at.name
			}
			if !found && w.global.Last(at.name) == e.Sequence {
				w.fail("%s gets %s, which is not for it", at.name, o.Path)
			}
		}
	}
}

// full is a full sync as it is sent.
func (w *world) full(of network.SyncOf) (out []proto.Message) {
	if w.mutant.syncs != nil {
		w.mutant.syncs(w, &of)
	}
	w.ids++
	id := fmt.Sprint("sync", w.ids)
	of.Begin.SyncId = id
	out = append(out, of.Begin)
	n := uint32(0)
	for i := 0; i < len(of.Objects); i += 2 {
		s := &events.NetworkSyncSegment{SyncId: id, Number: n}
		for _, o := range of.Objects[i:min(i+2, len(of.Objects))] {
			s.Objects = append(s.Objects, o.Revised())
		}
		out = append(out, s)
		n++
	}
	return append(out, &events.NetworkSyncEnd{SyncId: id, Segments: n, Digest: of.Digest})
}

// send appends to the inbox of a site, once, twice, or not at all.
func (w *world) send(at *local, m proto.Message) {
	if !w.calm && (at.away && w.chance(2) || w.chance(12)) {
		return
	}
	at.inbox = append(at.inbox, proto.Clone(m))
	if w.chance(6) {
		at.inbox = append(at.inbox, at.inbox[w.rng.IntN(len(at.inbox))]) // Something of before, late.
	}
}

// report tells the global core how a site stands, maybe with what it told before.
func (w *world) report(at *local) {
	m := at.core.Report()
	if w.mutant.reports != nil {
		w.mutant.reports(w, m)
	}
	w.told = append(w.told, m)
	w.decide(m)
	if w.chance(8) {
		w.decide(w.told[w.rng.IntN(len(w.told))])
	}
}

// read has a site read its inbox.
func (w *world) read(at *local) {
	if at.read < len(at.inbox) {
		at.read++
		w.receive(at, at.inbox[at.read-1])
	}
}

// restart has what a site folded be restored from a snapshot.
func (w *world) restart(at *local) {
	fresh := site.New(site.Config{Site: at.name})
	state := at.core.Snapshot(nil)
	if err := fresh.Restore(state); err != nil || string(fresh.Snapshot(nil)) != string(state) {
		w.fail("%s is not restored as it was: %v", at.name, err)
	}
	at.core, at.sync = fresh, nil
}

// settle lets everything come to rest: nothing is lost or late any more.
func (w *world) settle() {
	w.calm = true
	for range 3000 {
		idle := true
		for _, name := range names {
			at := w.locals[name]
			at.away = false
			before := len(at.inbox)
			w.channel(at)
			for at.read < len(at.inbox) {
				w.read(at)
			}
			_, syncing := w.global.Sync(name)
			idle = idle && len(at.inbox) == before && !syncing && len(at.tasks) == 0
			w.clock += 3_600_000 // What failed is tried again.
			w.receive(at, nil)
			for len(at.tasks) > 0 {
				w.finish(at)
			}
		}
		if idle {
			return
		}
	}
	w.fail("it does not come to rest")
}

// judge compares each site with what it must have.
func (w *world) judge() {
	for _, of := range w.global.Sites() {
		at := w.locals[of.Site.Name]
		must, has := w.global.State().Project(at.name), at.core.Wanted()
		if model.Digest(must) != model.Digest(has) || len(must) != len(has) {
			w.fail("%s has %v, and must have %v", at.name, paths(has), paths(must))
		}
		for _, s := range at.core.Statuses() {
			if s.Standing != site.Realised || s.Wanted != nil && !proto.Equal(s.Realised, s.Wanted.Message) {
				w.fail("%s: %s is %v, and waits for %q", at.name, s.Path, s.Standing, s.WaitsFor)
			}
		}
		if of.Applied != of.Last || of.Applied != at.core.Report().Sequence {
			w.fail("%s is said to have entry %d of %d, and has %d", at.name, of.Applied, of.Last, at.core.Report().Sequence)
		}
	}
	for _, name := range names {
		if own := w.locals[name].core.Local(); len(own) != 1 || !proto.Equal(own[0], w.locals[name].own) {
			w.fail("%s has these objects of its own: %v", name, own)
		}
	}
}

func paths(objects []*model.Object) (out []string) {
	for _, o := range objects {
		out = append(out, fmt.Sprintf("%s@%d", o.Path, o.Revision))
	}
	return out
}
