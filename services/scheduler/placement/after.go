package placement

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// maxCycleSearch bounds the tasks that are visited to exclude a cycle.
const maxCycleSearch = 10_000

// dependency is a task that others wait for, known or not.
type dependency struct {
	// waiting holds who waits, in order of acceptance; also some who do not any
	// more: live counts the others.
	waiting []*task
	live    int
}

// dependent tells whether t still waits for others.
func (t *task) dependent() bool { return t.extra != nil && len(t.extra.after) > 0 }

// checkAfter refuses dependencies that can never be met. p is nil for a new pool.
func (c *cycle) checkAfter(p *pool, m *events.Task) *events.Malformed {
	for _, id := range m.After {
		if p != nil && p.tasks[id] != nil {
			continue
		}
		ref, ended := c.s.remembered(events.Pool(m.Pool), id)
		switch {
		case ended && !ref.succeeded():
			return events.Refuse(events.CodeDependencyFailed,
				"task %q, which this is to wait for, ended without success at offset %d", id, ref.offset)
		case !ended && olderThanWindow(id, c.now.Now):
			return events.Refuse(events.CodeUnknownDependency,
				"task %q, which this is to wait for, is not known in pool %q, and its ID is older than what is remembered", id, m.Pool)
		}
	}
	if p == nil || len(m.After) == 0 || p.dependencies[m.Id] == nil {
		return nil
	}
	return p.checkCycle(m)
}

// olderThanWindow tells whether id is a UUIDv7 of a time before which ended tasks
// are forgotten.
func olderThanWindow(id string, nowMs int64) bool {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(id) != 36 || len(b) != 16 || b[6]>>4 != 7 {
		return false
	}
	ms := int64(0)
	for _, x := range b[:6] {
		ms = ms<<8 | int64(x)
	}
	return ms < nowMs-windowMs
}

// checkCycle looks for the new task among those that it would wait for, and those
// that they wait for. Only a task that others wait for already can close a cycle.
func (p *pool) checkCycle(m *events.Task) *events.Malformed {
	from := make(map[string]string, len(m.After)) // Who waits for it.
	var next []string
	visit := func(ids []string, by string) {
		for _, id := range ids {
			if _, seen := from[id]; !seen {
				from[id] = by
				next = append(next, id)
			}
		}
	}
	for visit(m.After, m.Id); len(next) > 0; {
		id := next[0]
		next = next[1:]
		if id == m.Id {
			return events.Refuse(events.CodeDependencyCycle, "tasks would wait for each other: %s", cyclePath(from, id))
		}
		if len(from) > maxCycleSearch {
			return events.Refuse(events.CodeDependencyCycle,
				"others wait for task %q, and it would wait for more than %d, too many to exclude a cycle; submit a task before those that wait for it",
				m.Id, maxCycleSearch)
		}
		if t := p.tasks[id]; t != nil && t.extra != nil {
			visit(t.extra.after, id)
		}
	}
	return nil
}

// maxShown bounds the tasks that a message or an explanation names.
const maxShown = 8

// cyclePath names who waits for whom, from id back to it.
func cyclePath(from map[string]string, id string) string {
	path := []string{id}
	for at := from[id]; at != id; at = from[at] {
		path = append(path, at)
	}
	slices.Reverse(path)
	path = append([]string{id}, path...)
	if len(path) > maxShown {
		path = append(append(path[:maxShown-1:maxShown-1], "…"), id)
	}
	return strings.Join(path, " after ")
}

// unmet gives all but what succeeded, each once.
func (s *State) unmet(p *pool, after []string) (ids []string) {
	for _, id := range after {
		ref, ended := s.remembered(p.name, id)
		if met := p.tasks[id] == nil && ended && ref.succeeded(); !met && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// depend folds what an accepted task waits for.
func (s *State) depend(p *pool, t *task, after []string) {
	ids := s.unmet(p, after)
	if len(ids) == 0 {
		return
	}
	t.extras().after, t.extras().since = ids, s.aged
	p.await(t)
	if p.match != nil {
		p.match.expect(t)
	}
}

// await notes t with all that it waits for.
func (p *pool) await(t *task) {
	if t.dependent() {
		for _, id := range t.extra.after {
			p.awaited(id, t)
		}
	}
}

func (p *pool) awaited(id string, t *task) {
	d := p.dependencies[id]
	if d == nil {
		d = &dependency{}
		p.dependencies[id] = d
	}
	if len(d.waiting) > 2*d.live+64 {
		d.waiting = slices.DeleteFunc(d.waiting, (*task).ended)
	}
	d.waiting = append(d.waiting, t)
	d.live++
}

// resolve folds what the end of t is for those that wait for it, and that it
// waits for nothing any more.
func (p *pool) resolve(t *task, at int64) {
	if t.dependent() {
		for _, id := range t.extra.after {
			if d := p.dependencies[id]; d != nil {
				if d.live--; d.live == 0 {
					delete(p.dependencies, id)
				}
			}
		}
	}
	d := p.dependencies[t.id]
	if d == nil {
		return
	}
	if t.status == succeeded {
		delete(p.dependencies, t.id)
	}
	for _, w := range d.waiting {
		switch {
		case w.ended():
		case t.status == succeeded:
			p.met(w, t.id, at)
		case w.fate != owesCancel:
			if p.match != nil {
				p.match.remove(w)
			}
			w.extras().cancelReason = dependencyFailed(t.id, t.state())
			p.owe(w, owesCancel)
		}
	}
}

// met takes a task that succeeded off those that w waits for.
func (p *pool) met(w *task, id string, at int64) {
	w.extra.after = slices.DeleteFunc(w.extra.after, func(o string) bool { return o == id })
	if len(w.extra.after) > 0 || w.status != waiting {
		return
	}
	w.extra.after, w.since = nil, at
	if p.match != nil {
		p.match.wake.stop(w)
	}
	p.place(w, at)
}

func dependencyFailed(id, how string) string {
	return printable(string(events.CodeDependencyFailed)+": task "+strconv.Quote(id)+" "+how, maxReasonBytes)
}

// expect notes a task that waits for others, of which some may never come.
func (m *matcher) expect(t *task) {
	if t.dependent() {
		m.patience.push(t)
	}
}

// impatient is the first task that has waited for others for as long as ended
// tasks are remembered; nil if there is none.
func (m *matcher) impatient(aged int64) *task {
	for m.patience.len() > 0 {
		t := *m.patience.front()
		if t.dependent() && !t.ended() {
			if aged-t.extra.since < windowMs {
				return nil
			}
			return t
		}
		m.patience.pop()
	}
	return nil
}

// giveUp cancels tasks that waited, for as long as ended tasks are remembered, for
// one that is still unknown; false if a budget ended it.
func (c *cycle) giveUp(p *pool) bool {
	m := p.match
	for t := m.impatient(c.s.aged); t != nil; t = m.impatient(c.s.aged) {
		if c.full() {
			return false
		}
		for _, id := range t.extra.after {
			if p.tasks[id] == nil && t.fate == none {
				c.s.deciding = attempt{p, t}
				c.cancel(p, t, dependencyFailed(id, "is still unknown"))
				break
			}
		}
		m.patience.pop()
	}
	return true
}

// retryAfter has a retry by hand wait for what its first did not live to see
// succeed: for the newest retry of a task that failed, or that task itself, which
// refuses it.
func (c *cycle) retryAfter(p *pool, again *events.Task) *events.Malformed {
	if p == nil { // A replay into a pool that was never heard of.
		return c.checkAfter(p, again)
	}
	var after []string
	for _, id := range again.After {
		ref, ended := c.s.remembered(p.name, id)
		if p.tasks[id] == nil && ended && !ref.succeeded() {
			id = c.newestRetry(p, id)
		}
		if !slices.Contains(after, id) {
			after = append(after, id)
		}
	}
	again.After = after
	return c.checkAfter(p, again)
}

// newestRetry is the last known of ID.r1, ID.r2, ...; the task itself if there is none.
func (c *cycle) newestRetry(p *pool, id string) string {
	root := id
	if k, ok := c.s.kept.tasks[keyOf(p.name, id)]; ok && k.task.extra != nil && k.task.extra.replayOf != "" {
		root = k.task.extra.replayOf
	}
	newest := id
	for n := 1; ; n++ {
		retry := root + ".r" + strconv.Itoa(n)
		if _, ended := c.s.remembered(p.name, retry); !ended && p.tasks[retry] == nil {
			return newest
		}
		newest = retry
	}
}
