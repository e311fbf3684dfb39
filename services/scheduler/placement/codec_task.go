package placement

import "github.com/spanway/spanway/pkg/events"

// live visits the tasks that have not ended, in the order of their acceptance.
func (c *codec) live(tb *table) {
	p := tb.p
	n := c.length(len(p.tasks), leastTask)
	c.base = bases{}
	if !c.reading {
		for t := p.first; t != nil; t = t.next {
			c.task(tb, t)
		}
		return
	}
	p.tasks = make(map[string]*task, n)
	tb.live = make([]*task, 0, n)
	for range n {
		before := c.base.seq
		t := c.readTask(tb)
		if !c.expect(t.seq > before || before == 0, "a task accepted later") ||
			!c.expect(t.status <= assigned, "a task that has not ended") {
			return
		}
		p.enlist(t)
		p.await(t)
		tb.live = append(tb.live, t)
	}
	c.expect(len(p.tasks) == n, "tasks with different IDs")
}

// imports visits what was imported, and what is.
func (c *codec) imports(tb *table) {
	p := tb.p
	c.text(&p.imported)
	c.text(&p.origin)
	im := &p.importing
	began := im.id != ""
	if c.bits(&p.replaced, &began); !began {
		return
	}
	c.text(&im.id)
	counter(c, &im.next)
	n := c.length(len(im.order), leastTask)
	c.base = bases{}
	if !c.reading {
		for _, t := range im.order {
			c.task(tb, t)
		}
		return
	}
	im.tasks = make(map[string]*task, n)
	for range n {
		t := c.readTask(tb)
		if !c.expect(t.status == waiting && im.tasks[t.id] == nil, "a task that is imported") {
			return
		}
		im.tasks[t.id] = t
		im.order = append(im.order, t)
	}
}

func (c *codec) readTask(tb *table) *task {
	t := &task{}
	if c.task(tb, t); c.err == nil {
		t.tmpl.refs++
	}
	return t
}

// task visits all that is folded of a task, but for who comes before and after
// it, and its engine: those say that themselves.
func (c *codec) task(tb *table, t *task) {
	c.text(&t.id)
	c.template(tb, &t.tmpl)
	delta(c, &t.seq, &c.base.seq)
	delta(c, &t.acceptedAt, &c.base.acceptedAt)
	if number(c, &t.payloadLen); t.payloadLen != 0 {
		delta(c, &t.payloadAt, &c.base.payloadAt)
	}
	one(c, &t.status, dead)
	one(c, &t.fate, owesCancel)
	attempted, erred, more := t.attempted(), t.lastErr != nil, !t.extra.empty()
	c.bits(&t.started, &t.ran, &t.reported, &attempted, &erred, &more)
	number(c, &t.notBefore)
	if attempted {
		c.attempt(t)
	}
	if erred {
		if c.reading {
			t.lastErr = &events.TaskError{}
		}
		c.word(&t.lastErr.Code)
		c.text(&t.lastErr.Message)
	}
	if more {
		c.extra(t.extras())
	}
}

// attempted tells whether there is anything that c.attempt visits.
func (t *task) attempted() bool {
	return t.token != 0 || t.assignedAt != 0 || t.lastEngine != "" || t.epoch != 0 || t.n != 0 || t.failures != 0
}

// attempt visits what is known of a task's running or last attempt.
func (c *codec) attempt(t *task) {
	counter(c, &t.token)
	number(c, &t.assignedAt)
	c.word(&t.lastEngine)
	counter(c, &t.epoch)
	counter(c, &t.n)
	number(c, &t.failures)
}

// empty tells whether there is anything that c.extra visits.
func (x *extra) empty() bool {
	return x == nil || x.traceparent == "" && x.tracestate == "" && x.replayOf == "" && x.cancelReason == "" &&
		x.notBefore == 0 && x.endedAt == 0 && x.endedOffset == 0 && len(x.after) == 0
}

// extra leaves out results: tasks that succeeded are not folded.
func (c *codec) extra(x *extra) {
	c.text(&x.traceparent)
	c.word(&x.tracestate)
	c.text(&x.replayOf)
	c.word(&x.cancelReason)
	c.after(x)
	number(c, &x.notBefore)
	number(c, &x.endedAt)
	number(c, &x.endedOffset)
}

// template visits a task's template by its number, and whole when it comes first.
func (c *codec) template(tb *table, tm **template) {
	n := len(tb.templates)
	if !c.reading {
		if known, ok := tb.numbers[*tm]; ok {
			n = known
		}
	}
	if n = int(c.uvarint(uint64(n))); n >= 0 && n < len(tb.templates) {
		*tm = tb.templates[n]
		return
	}
	if !c.expect(n == len(tb.templates), "the number of a template") {
		return
	}
	var key templateKey
	if !c.reading {
		key = (*tm).templateKey
	}
	if c.templateKey(tb.p, &key); c.err != nil {
		return
	}
	if c.reading {
		*tm = tb.p.internTemplate(key)
	} else {
		tb.numbers[*tm] = n
	}
	tb.templates = append(tb.templates, *tm)
}

func (c *codec) templateKey(p *pool, k *templateKey) {
	c.word(&k.kind)
	c.word(&k.predicate)
	c.word(&k.prefer)
	c.word(&k.payloadType)
	c.word(&k.tenant)
	c.shape(p, &k.shape)
	number(c, &k.priority)
	number(c, &k.scheduleTimeout)
	number(c, &k.executionTimeout)
	r := &k.retry
	number(c, &r.maxAttempts)
	number(c, &r.initialMs)
	number(c, &r.maxMs)
	c.float(&r.multiplier)
	c.word(&r.finalErrors)
	c.word(&k.limitKey)
	number(c, &k.limit)
}

func (c *codec) shape(p *pool, s **shape) {
	var needs []need
	if !c.reading {
		needs = (*s).needs
	}
	list(c, &needs, 2, func(n *need) {
		number(c, &n.dim)
		number(c, &n.amount)
	})
	if !c.reading || c.err != nil {
		return
	}
	for i, n := range needs {
		if !c.expect(n.dim >= 0 && int(n.dim) < len(p.dims.names), "a known dimension") ||
			!c.expect(i == 0 || p.dims.names[needs[i-1].dim] < p.dims.names[n.dim], "dimensions in order") {
			return
		}
	}
	*s = p.internShape(needs)
}
