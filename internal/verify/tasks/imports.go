package tasks

import (
	"crypto/sha256"
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// versionImports of the fold has pools that come of other sites and go to them.
const versionImports = 3

// keyBytes is what stands for a task that ended at another site.
const keyBytes = 16

// moved is what there is of pools that move between sites, by pool.
type moved struct {
	// importing does not count yet.
	importing map[string]*imported
	// promoted pools were imported; replaced ones are placed elsewhere.
	promoted, replaced map[string]bool
}

func newMoved() moved {
	return moved{map[string]*imported{}, map[string]bool{}, map[string]bool{}}
}

// imported are the parts of one import.
type imported struct {
	id    string
	next  uint32
	tasks []*task
	token uint64 // the highest of them
}

// needsImports: what only the fold knows that has imports.
func (w *world) needsImports(where chain.At, what string) {
	if w.p.Version() < versionImports {
		w.p.Find("G5", where, "%s, but the log was not raised to fold version %d", what, versionImports)
	}
}

// part notes a part of an import. The first one begins anew.
func (w *world) part(where chain.At, m *events.PoolImported) {
	w.needsImports(where, "a part of an import")
	part, in := m.GetPart(), w.importing[m.GetPool()]
	if part.GetNumber() == 0 {
		in = &imported{id: part.GetImportId()}
		w.importing[m.GetPool()] = in
	}
	if in == nil || in.id != part.GetImportId() || in.next != part.GetNumber() {
		if in != nil || !w.partial {
			w.p.Find("G1", where, "part %d of the import %q, which does not follow the part before it", part.GetNumber(), part.GetImportId())
		}
		return
	}
	in.next++
	for _, x := range part.GetTasks() {
		spec := x.GetTask()
		t := newTask(where, spec, x.GetAcceptedAtMs())
		in.tasks = append(in.tasks, t)
		in.token = max(in.token, x.GetToken())
	}
	w.past.endElsewhere(part.GetSucceeded(), true, where.Offset, m.GetAtMs())
	w.past.endElsewhere(part.GetFailed(), false, where.Offset, m.GetAtMs())
}

// promote makes what was imported tasks of the pool.
func (w *world) promote(where chain.At, m *events.PoolPromoted) {
	w.needsImports(where, "an import")
	pool, in := m.GetPool(), w.importing[m.GetPool()]
	delete(w.importing, pool)
	replaced := w.replaced[pool]
	delete(w.replaced, pool)
	w.promoted[pool] = true
	if last := w.tokens[pool]; m.GetToken() <= last || in != nil && m.GetToken() <= in.token {
		w.p.Find("G2", where, "tokens go on above %d; token %d was given before", m.GetToken(), max(last, in.highest()))
	}
	w.tokens[pool] = max(w.tokens[pool], m.GetToken())
	if replaced {
		w.giveAway(where, pool)
	}
	if in == nil || in.id != m.GetImportId() || int64(len(in.tasks)) != m.GetTasks() {
		if !w.partial {
			w.p.Find("G1", where, "the import %q with %d tasks counts, which is not what came of it", m.GetImportId(), m.GetTasks())
		}
		return
	}
	for _, t := range in.tasks {
		w.takeIn(where, t, m.GetAtMs(), replaced)
	}
}

func (in *imported) highest() uint64 {
	if in == nil {
		return 0
	}
	return in.token
}

// takeIn is accept for a task that was imported.
func (w *world) takeIn(where chain.At, t *task, atMs int64, replaced bool) {
	key := name{t.pool, t.id}
	where.Task = t.id
	if open := w.tasks[key]; open != nil {
		w.p.Find("G1", where, "imported; it was accepted at offset %d and has not ended", open.accepted)
		return
	}
	if before, ok := w.past.ended(key); ok && !replaced && w.within(before, atMs) {
		w.p.Find("G1", where, "imported; it %s at offset %d, within the window", before.by, before.offset)
	}
	t.accepted = where.Offset
	w.tasks[key] = t
	w.p.report.Tasks++
}

// giveAway forgets what has not ended of a pool: it went on at another site.
func (w *world) giveAway(where chain.At, pool string) {
	for _, t := range w.open() {
		if t.pool == pool {
			w.release(where, t)
			t.unreserve()
			delete(w.tasks, name{t.pool, t.id})
		}
	}
}

// replace: the pool is placed at another site.
func (w *world) replace(where chain.At, m *events.PoolReplaced) {
	w.needsImports(where, "a pool that is placed elsewhere")
	w.replaced[m.GetPool()] = true
}

// elsewhere tells whether a task ended at another site, of a pool that was imported from there.
func (w *world) elsewhere(key name) (ended, bool) {
	if !w.promoted[key.pool] {
		return ended{}, false
	}
	sum := sha256.Sum256([]byte(key.pool + "\x00" + key.id))
	fact, ok := w.past.memory.Get(w.past.elsewhereKey(sum[:keyBytes]))
	if !ok {
		return ended{}, false
	}
	n := int64(len(endings))
	return ended{by: endings[fact.Number%n], offset: fact.Offset, atMs: fact.AtMs, number: fact.Number / n}, true
}

// endElsewhere notes tasks that ended at another site. How they failed is not known.
func (p *past) endElsewhere(keys []byte, succeeded bool, offset, atMs int64) {
	by := "succeeded"
	if !succeeded {
		by = "failed"
	}
	n := int64(len(endings))
	for key := range slices.Chunk(keys, keyBytes) {
		p.endings++
		p.memory.Put(p.elsewhereKey(key), chain.Fact{
			Offset: offset, AtMs: atMs, Number: p.endings*n + int64(slices.Index(endings, by)),
		})
	}
}

func (p *past) elsewhereKey(key []byte) chain.Key {
	return chain.KeyOf("elsewhere", p.lives, string(key))
}
