package placement

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// importing is what comes of a scheduler elsewhere and does not count yet.
type importing struct {
	// id of the attempt; empty: there is none.
	id string
	// next is the number of the part that is to come.
	next uint32
	// tasks as they will be taken in, by ID, and in their order. What they are to wait for,
	// and their fates, are noted but not in force.
	tasks map[string]*task
	order []*task
}

// promotedTokens is how far the tokens of an import are above all that the copy tells of, and
// all of here: the scheduler whose log was copied may have given more, and may have lost the
// ends of its log or all of it, some times.
const promotedTokens uint64 = 1 << 44

// place is where a log was read, without the offset: CLUSTER/TOPIC/PARTITION.
func place(of string) string {
	at, _, _ := strings.Cut(of, "@")
	return at
}

// Imported tells where the pool was imported from last: CLUSTER/TOPIC/PARTITION@OFFSET, or
// nothing. replaced: its tasks are placed at another site since.
func (s *State) Imported(name events.Pool) (of string, replaced bool) {
	if p := s.pools[name]; p != nil {
		return p.origin, p.replaced
	}
	return "", false
}

// importable refuses what the log's version cannot have, and this host does not raise it to.
func (c *cycle) importable() *events.Malformed {
	if c.s.version >= foldImports || c.s.cfg.FoldVersion >= foldImports {
		return nil
	}
	return events.Refuse(events.CodeUnknownField,
		"to import pools the log needs fold version %d, and it is kept at %d; raise it once all schedulers, and clients that read the log, are upgraded", foldImports, c.s.version)
}

// raiseTo has the log be folded by that version, which few logs need.
func (c *cycle) raiseTo(version uint32) {
	if c.s.version < version {
		c.emit(&events.LogFoldVersionRaised{Version: version, AtMs: c.now.Now})
	}
}

// importPart takes a part of what the scheduler of another site has of a pool. A part that
// came before changes nothing.
func (c *cycle) importPart(name events.Pool, m *events.PoolImportRequested) *events.Malformed {
	if refused := c.importable(); refused != nil {
		return refused
	}
	p := c.s.pools[name]
	began := importing{}
	if p != nil {
		if p.imported == m.ImportId {
			return nil
		}
		began = p.importing
	}
	if began.id == m.ImportId && m.Number < began.next {
		return nil
	}
	if m.Number > 0 && (began.id != m.ImportId || m.Number != began.next) {
		return events.Refuse(events.CodeNotWhole, "part %d of the import %.80q does not follow part %d of the import %.80q; begin anew under another ID",
			m.Number, m.ImportId, int64(began.next)-1, began.id)
	}
	if m.Number == 0 {
		began.tasks = nil
	}
	part := proto.CloneOf(m)
	part.Pool, part.Tasks = string(name), nil
	known := uint32(0)
	for _, t := range m.Tasks {
		switch {
		case t.Task.Pool != string(name):
			return events.Refuse(events.CodeBadData, "task %q is of pool %q, and is imported into %q", t.Task.Id, t.Task.Pool, name)
		case began.tasks[t.Task.Id] != nil:
			return events.Refuse(events.CodeNotWhole, "task %q came in a part before; begin anew under another ID", t.Task.Id)
		case c.s.taken(p, t.Task.Id):
			known++
		default:
			part.Tasks = append(part.Tasks, t)
		}
	}
	c.raiseTo(foldImports)
	c.emit(&events.PoolImported{Pool: string(name), Part: part, Known: known, AtMs: c.now.Now})
	return nil
}

// taken tells whether there is a task with that ID already: the same ID is the same task. Of a
// pool that was replaced, what is here is dropped.
func (s *State) taken(p *pool, id string) bool {
	if p == nil || p.replaced {
		return false
	}
	if p.tasks[id] != nil {
		return true
	}
	_, ended := s.remembered(p.name, id)
	return ended
}

// promote makes what was imported part of the pool. That it was done before changes nothing.
func (c *cycle) promote(name events.Pool, m *events.PoolPromoteRequested) *events.Malformed {
	if refused := c.importable(); refused != nil {
		return refused
	}
	p := c.s.pools[name]
	switch {
	case p != nil && p.imported == m.ImportId:
		return nil
	case p == nil || p.importing.id != m.ImportId || p.importing.next != m.Parts:
		return events.Refuse(events.CodeNotWhole, "%d parts of the import %.80q are promoted, and those are not what came of it; begin anew under another ID", m.Parts, m.ImportId)
	case !p.replaced && p.origin != "" && place(p.origin) == place(m.Of):
		return events.Refuse(events.CodeInUse, "pool %q was imported from %s before, and goes on here since", name, p.origin)
	}
	for _, t := range p.importing.order {
		if c.s.taken(p, t.id) {
			return events.Refuse(events.CodeInUse, "task %q was submitted here while it was imported; begin anew under another ID", t.id)
		}
	}
	var settings *events.PoolSettings
	if p.settings == nil {
		settings = m.Settings
	}
	c.raiseTo(foldImports)
	c.emit(&events.PoolPromoted{
		Pool: string(name), Reason: m.Reason, ImportId: m.ImportId, Tasks: int64(len(p.importing.order)),
		Token: max(p.token, c.s.tokens, m.Token) + promotedTokens, Of: m.Of, Settings: settings, AtMs: c.now.Now,
	})
	return nil
}

// replace gives the pool up to another site. That it was given up before is said again, for
// whoever waits for the answer.
func (c *cycle) replace(name events.Pool, m *events.PoolReplaceRequested) *events.Malformed {
	if refused := c.importable(); refused != nil {
		return refused
	}
	c.raiseTo(foldImports)
	c.emit(&events.PoolReplaced{Pool: string(name), Reason: m.Reason, AtMs: c.now.Now})
	return nil
}

// elsewhere refuses a command for a pool that was replaced.
func (c *cycle) elsewhere(name events.Pool) *events.Malformed {
	if p := c.s.pools[name]; p == nil || !p.replaced {
		return nil
	}
	return events.Refuse(events.CodeReplaced,
		"the tasks of pool %q are placed at another site: ask there; to go on here, mirror the log of that one, and promote the pool here (spanway pool promote)", name)
}

// applyMove folds what moves a pool between sites.
func (s *State) applyMove(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.PoolImported:
		s.applyImported(m, l.Offset)
	case *events.PoolPromoted:
		s.applyPromoted(m)
	case *events.PoolReplaced:
		s.applyReplaced(m)
	}
}

func (s *State) applyReplaced(m *events.PoolReplaced) {
	if len(m.Pool) <= maxNames {
		s.poolOf(events.Pool(m.Pool)).replaced = true
	}
}

func (s *State) applyImported(m *events.PoolImported, offset int64) {
	part := m.Part
	if part == nil || len(m.Pool) > maxNames || len(part.ImportId) > maxNames || len(part.ImportId) == 0 {
		return
	}
	p := s.poolOf(events.Pool(m.Pool))
	if part.Number == 0 {
		s.dropImport(p)
		p.importing = importing{id: part.ImportId, tasks: map[string]*task{}}
	}
	im := &p.importing
	if im.id != part.ImportId || im.next != part.Number {
		return
	}
	im.next++
	for _, x := range part.Tasks {
		in := x.GetTask()
		if in == nil || !foldable(in) || in.Pool != m.Pool || im.tasks[in.Id] != nil {
			continue
		}
		t := s.importedTask(p, x, offset)
		im.tasks[t.id] = t
		im.order = append(im.order, t)
	}
	s.importEnded(part.Succeeded, successBit, offset)
	s.importEnded(part.Failed, 0, offset)
}

// importedTask is a task as it was handed over.
func (s *State) importedTask(p *pool, x *events.PoolImportedTask, offset int64) *task {
	in := x.Task
	t := &task{
		id: in.Id, tmpl: p.templateOf(in), acceptedAt: moment(x.AcceptedAtMs), notBefore: moment(x.NotBeforeMs),
		token: x.Token, lastEngine: keptReason(x.EngineId), failures: max(x.Failures, 0), ran: x.Ran,
	}
	s.holdPayload(t, in, offset)
	if x.Error != nil {
		t.lastErr = keptError(x.Error)
	}
	if in.Traceparent != "" || in.Tracestate != "" || in.ReplayOf != "" {
		t.extra = &extra{traceparent: in.Traceparent, tracestate: in.Tracestate, replayOf: in.ReplayOf}
	}
	if in.NotBeforeMs != 0 {
		t.extras().notBefore = moment(in.NotBeforeMs)
	}
	if len(in.After) > 0 {
		t.extras().after = slices.Clone(in.After)
	}
	switch {
	case x.Cancelled:
		t.fate = owesCancel
		t.extras().cancelReason = keptReason(x.Reason)
	case t.failures >= t.tmpl.retry.maxAttempts:
		t.fate = owesDeath
	}
	return t
}

// importEnded remembers tasks that ended elsewhere as if they had ended now. Which pools they
// are of is not known, so they count only where a pool was imported; see remembered.
func (s *State) importEnded(keys []byte, token uint64, offset int64) {
	for key := range slices.Chunk(keys, len(endedKey{})) {
		if len(key) < len(endedKey{}) {
			return
		}
		if _, ok := s.ended.find(endedKey(key)); !ok {
			s.ended.add(endedEntry{key: endedKey(key), at: s.aged, offset: ^offset, token: token}, s.cfg.EndedWindow)
		}
	}
}

// remembered finds a task that has ended: here, or, if the pool was imported, elsewhere.
func (s *State) remembered(name events.Pool, id string) (endedEntry, bool) {
	return s.rememberedBy(name, keyOf(name, id))
}

func (s *State) rememberedBy(name events.Pool, key endedKey) (endedEntry, bool) {
	e, ok := s.ended.find(key)
	if ok && e.offset < 0 {
		if p := s.pools[name]; p == nil || p.origin == "" {
			return endedEntry{}, false
		}
		e.offset = ^e.offset
	}
	return e, ok
}

// dropImport forgets what came of an import that does not count.
func (s *State) dropImport(p *pool) {
	for _, t := range p.importing.order {
		s.release(p, t)
	}
	p.importing = importing{}
}

func (s *State) applyPromoted(m *events.PoolPromoted) {
	p := s.pools[events.Pool(m.Pool)]
	if p == nil || m.ImportId == "" || m.ImportId != p.importing.id || len(m.Of) > maxKept {
		return
	}
	at := moment(m.AtMs)
	if p.replaced {
		s.giveAway(p, at)
	}
	if s.credible(p, m.Token) {
		p.token = max(p.token, m.Token)
	}
	if m.Settings != nil {
		p.settings = proto.CloneOf(m.Settings)
		p.weigh()
	}
	tasks := p.importing.order
	p.importing, p.imported, p.origin, p.replaced = importing{}, m.ImportId, m.Of, false
	for _, t := range tasks {
		if p.tasks[t.id] != nil {
			s.release(p, t)
			continue
		}
		s.takeIn(p, t, at)
	}
}

// takeIn has an imported task wait.
func (s *State) takeIn(p *pool, t *task, at int64) {
	p.seq++
	f := t.fate
	t.seq, t.fate = p.seq, none
	p.enlist(t)
	p.queued(t)
	if t.dependent() {
		after := t.extra.after
		t.extra.after = nil
		s.depend(p, t, after)
	}
	if f != none {
		p.owe(t, f)
	}
	delete(s.kept.rejected, keyOf(p.name, t.id))
	p.place(t, at)
}

// giveAway forgets the tasks of a pool that have not ended: they went on at another site.
func (s *State) giveAway(p *pool, at int64) {
	for t := p.first; t != nil; t = p.first {
		s.unlist(p, t, at)
		t.status = cancelled
		s.release(p, t)
	}
	p.dependencies = make(map[string]*dependency)
}
