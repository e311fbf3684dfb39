package placement

import (
	"math"

	"github.com/spanway/spanway/pkg/request"
)

// Fair queueing between the tenants of a priority. Each tenant has a tag: how much
// it was given, in quanta by its weight, but never less than the level's virtual
// time. The lowest tag goes first. Virtual time goes on with every assignment by
// what each of the tenants that wait ought to get of it, and is never behind the
// tag of what was assigned last. So who comes late, or could not be placed for
// long, is served next, but gets nothing for the time that is past; and however
// many come anew, who was served before has its turn when time has caught up.

// levels is the number of priorities.
const levels = 10

// quantum is what an assignment costs a tenant of weight 1.
const quantum = 1 << 20

// maxVirtual: beyond it all tags are lowered alike.
const maxVirtual = math.MaxInt64 / 4

// level is the folded part of fairness, of one priority of a pool.
type level struct {
	virtual int64
	// backlog is the weight of all tenants of which tasks wait.
	backlog int64
	// shares by tenant. Who was given no more than virtual counts as if absent.
	shares map[string]*share
	// kept is how many were left when those that count as absent were dropped last.
	kept int
}

// share is what one tenant was given at one priority.
type share struct {
	tenant string
	given  int64
	// waiting counts tasks, refs templates.
	waiting, refs int
}

// tag is the tenant's place among others at the level.
func (s *share) tag(l *level) int64 { return max(s.given, l.virtual) }

func levelOf(priority int32) int { return int(min(max(priority, 0), levels-1)) }

func (p *pool) level(priority int32) *level { return &p.levels[levelOf(priority)] }

func (l *level) shareOf(tenant string) *share {
	s := l.shares[tenant]
	if s == nil {
		if l.shares == nil {
			l.shares = make(map[string]*share)
		}
		s = &share{tenant: tenant}
		l.shares[tenant] = s
	}
	return s
}

// sweep drops those that count as absent, once they may be the most.
func (l *level) sweep() {
	if len(l.shares) <= 2*l.kept+64 {
		return
	}
	for tenant, s := range l.shares {
		if s.refs == 0 && s.given <= l.virtual { // No template, so nothing waits.
			delete(l.shares, tenant)
		}
	}
	l.kept = len(l.shares)
}

// charge folds that a task of that template was assigned.
func (p *pool) charge(tm *template) {
	l := p.level(tm.priority)
	start := tm.share.tag(l)
	tm.share.given = start + quantum/int64(p.weight(tm.tenant))
	l.virtual = max(start, l.virtual+quantum/max(l.backlog, 1))
	if l.virtual > maxVirtual {
		p.lower(l)
	}
	l.sweep()
}

// lower keeps tags from overflowing. It happens once in some years.
func (p *pool) lower(l *level) {
	for _, s := range l.shares {
		s.given = max(s.given-l.virtual, 0)
	}
	l.virtual = 0
	if p.match != nil {
		p.match.stale = true
	}
}

// queued folds that a task waits, unqueued that it does not any more.
func (p *pool) queued(t *task) {
	p.waiting++
	s := t.tmpl.share
	if s.waiting++; s.waiting == 1 {
		p.level(t.tmpl.priority).backlog += int64(p.weight(s.tenant))
	}
}

func (p *pool) unqueued(t *task) {
	p.waiting--
	s := t.tmpl.share
	if s.waiting--; s.waiting == 0 {
		p.level(t.tmpl.priority).backlog -= int64(p.weight(s.tenant))
	}
}

// weigh adds up anew who waits, by weights that have changed.
func (p *pool) weigh() {
	for i := range p.levels {
		l := &p.levels[i]
		l.backlog = 0
		for _, s := range l.shares {
			if s.waiting > 0 {
				l.backlog += int64(p.weight(s.tenant))
			}
		}
	}
}

// weight of a tenant: 1 unless the pool's settings say otherwise.
func (p *pool) weight(tenant string) int32 {
	return min(max(p.settings.GetTenantWeights()[tenant], 1), request.MaxWeight)
}

// rank is the candidates of one priority. With one tenant they go by age alone;
// once a second one comes it is shared, and they go by tag. Not folded.
type rank struct {
	level  *level
	shared bool
	// only is the first tenant seen.
	only *share
	// groups counts those of the rank.
	groups     int
	aged, fair tree[*row]
}

// row is the tasks of a lane at one priority.
type row struct {
	lane           *lane
	rank           *rank
	lines          map[*share]*line
	aged, fair     tree[*line]
	atAged, atFair int
}

// line is the tasks of a row of one tenant.
type line struct {
	row    *row
	share  *share
	groups groupHeap
	// members counts groups, empty ones too.
	members        int
	atAged, atFair int
	// tag as it was when the line was sorted in; tags only grow.
	tag int64
	// eager: listed as such; see reserve.go.
	eager bool
}

func (l *line) head() *task { return l.groups[0].first }

func (r *row) oldest() *task { return r.aged.items[0].head() }

func agedLines() tree[*line] {
	return tree[*line]{
		less: func(a, b *line) bool { return a.head().before(b.head()) },
		at:   func(l *line) *int { return &l.atAged },
	}
}

func fairLines() tree[*line] {
	return tree[*line]{less: (*line).ahead, at: func(l *line) *int { return &l.atFair }}
}

func (l *line) ahead(other *line) bool {
	if l.tag != other.tag {
		return l.tag < other.tag
	}
	return l.head().before(other.head())
}

func newRank(l *level) rank {
	return rank{
		level: l,
		aged: tree[*row]{
			less: func(a, b *row) bool { return a.oldest().before(b.oldest()) },
			at:   func(r *row) *int { return &r.atAged },
		},
		fair: tree[*row]{
			less: func(a, b *row) bool { return a.fair.items[0].ahead(b.fair.items[0]) },
			at:   func(r *row) *int { return &r.atFair },
		},
	}
}

// entered notes a group of a tenant; the second tenant makes the rank shared.
func (m *matcher) entered(g *group) {
	i := levelOf(g.priority)
	r := &m.ranks[i]
	r.groups++
	if r.only == nil {
		r.only = g.share
	}
	if r.shared || r.only == g.share || m.s.version < foldWhole {
		return
	}
	r.shared = true
	for _, l := range m.laneList {
		row := l.rows[i]
		if row == nil {
			continue
		}
		for _, line := range row.aged.items {
			line.tag = line.share.tag(r.level)
			row.fair.keep(line, true)
		}
		m.rowChanged(row)
	}
}

// forgotten notes that a group is gone.
func (r *rank) forgotten() {
	if r.groups--; r.groups == 0 {
		r.only, r.shared = nil, false
	}
}

// lineFor finds or makes the line of g in l.
func (m *matcher) lineFor(l *lane, g *group) *line {
	i := levelOf(g.priority)
	r := l.rows[i]
	if r == nil {
		r = &row{lane: l, rank: &m.ranks[i], lines: make(map[*share]*line), aged: agedLines(), fair: fairLines()}
		l.rows[i] = r
	}
	ln := r.lines[g.share]
	if ln == nil {
		ln = &line{row: r, share: g.share}
		r.lines[g.share] = ln
	}
	return ln
}

// lineChanged keeps the line in its places after its head may have changed.
func (m *matcher) lineChanged(ln *line) {
	r := ln.row
	wanted := len(ln.groups) > 0
	r.aged.keep(ln, wanted)
	if r.rank.shared {
		ln.tag = ln.share.tag(r.rank.level)
		r.fair.keep(ln, wanted)
	}
	m.rowChanged(r)
}

// rowChanged keeps r among the candidates if it can be placed.
func (m *matcher) rowChanged(r *row) {
	wanted := len(r.aged.items) > 0 && !r.lane.blocked
	r.rank.aged.keep(r, wanted)
	if r.rank.shared {
		r.rank.fair.keep(r, wanted)
	}
}

// turn is the priority whose oldest candidate goes before that of all others.
func (m *matcher) turn() *rank {
	var best *rank
	for i := range m.ranks {
		r := &m.ranks[i]
		if len(r.aged.items) > 0 && (best == nil || r.aged.items[0].oldest().before(best.aged.items[0].oldest())) {
			best = r
		}
	}
	return best
}

// next is the line whose turn it is. Tags that have grown are sorted in anew only
// when they come to the head.
func (r *rank) next() *line {
	if !r.shared {
		return r.aged.items[0].aged.items[0]
	}
	for {
		row := r.fair.items[0]
		ln := row.fair.items[0]
		tag := ln.share.tag(r.level)
		if tag == ln.tag {
			return ln
		}
		ln.tag = tag
		row.fair.keep(ln, true)
		r.fair.keep(row, true)
	}
}

// goesFirst tells whether the next line of r has its turn before t, which is a
// candidate elsewhere.
func (r *rank) goesFirst(ln *line, t *task, own *rank) bool {
	if r != own {
		return r.aged.items[0].oldest().before(t)
	}
	if tag := t.tmpl.share.tag(r.level); r.shared && tag != ln.tag {
		return ln.tag < tag
	}
	return ln.head().before(t)
}

// fairest is the group whose turn it is on e, which could take g: of those that are
// scanned, at a priority that tenants share, the one with the lowest tag that e
// could take, too. One with a preference has its turn only when its own best engine
// is found.
func (m *matcher) fairest(c *cycle, g *group, e *engine) *group {
	r := &m.ranks[levelOf(g.priority)]
	if !r.shared {
		return g
	}
	best, tag := g, g.share.tag(r.level)
	for _, o := range m.singles {
		c.steps--
		if o.priority != g.priority || o.share == best.share || o.filter.prefer != nil || !o.ready() {
			continue
		}
		mine := o.share.tag(r.level)
		if mine > tag || mine == tag && !o.first.before(best.first) {
			continue
		}
		if m.worthwhile(o, e) && m.qualifies(c, o.filter, e) {
			best, tag = o, mine
		}
	}
	return best
}
