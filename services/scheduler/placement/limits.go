package placement

// limiter counts the running tasks of a limit key.
type limiter struct {
	key     string
	running int
	// refs counts templates.
	refs int

	// groups of the key, parked or not. Not folded.
	groups []*group
}

// limiterOf is for one more template; nil without a key.
func (p *pool) limiterOf(key string) *limiter {
	if key == "" {
		return nil
	}
	l := p.limits[key]
	if l == nil {
		l = &limiter{key: key}
		p.limits[key] = l
	}
	l.refs++
	return l
}

func (p *pool) dropLimiter(l *limiter) {
	if l == nil {
		return
	}
	if l.refs--; l.refs == 0 {
		delete(p.limits, l.key)
	}
}

// occupy folds that a task of the key was assigned.
func (p *pool) occupy(l *limiter) { p.limited(l, 1) }

// vacated folds that one is not running any more.
func (p *pool) vacated(l *limiter) { p.limited(l, -1) }

func (p *pool) limited(l *limiter, by int) {
	if l == nil {
		return
	}
	l.running += by
	if p.match != nil {
		p.match.limitChanged(l)
	}
}

// full tells whether as many run as that limit allows.
func (l *limiter) full(limit int32) bool { return l != nil && l.running >= int(limit) }

// limitChanged parks and wakes the groups of that key, and no other.
func (m *matcher) limitChanged(l *limiter) {
	for _, g := range l.groups {
		if parked := l.full(g.limit); parked != g.parked {
			g.parked = parked
			m.headChanged(g)
			if g.single && !parked {
				m.settled = 0
			}
		}
	}
}

// join and leave keep the list of groups; without a limit there is none.
func (l *limiter) join(g *group) {
	if l != nil {
		g.parked = l.full(g.limit)
		g.limiterAt = len(l.groups)
		l.groups = append(l.groups, g)
	}
}

func (l *limiter) leave(g *group) {
	if l != nil {
		last := pop(&l.groups)
		if last != g {
			l.groups[g.limiterAt], last.limiterAt = last, g.limiterAt
		}
	}
}

func (l *limiter) reset() {
	if l != nil {
		l.groups = nil
	}
}

// ready tells whether tasks of g may be placed.
func (g *group) ready() bool { return g.live > 0 && !g.parked }
