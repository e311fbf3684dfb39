package placement

// Limited is the limit of a task's key, and how many of the key run.
type Limited struct {
	Key     string `json:"key"`
	Limit   int32  `json:"limit"`
	Running int    `json:"running"`
}

// explainOrder says what of the order of tasks holds the task back, or for it.
func (ex *explainer) explainOrder() {
	x, t := ex.x, ex.t
	if t.dependent() {
		x.AfterCount = len(t.extra.after)
		x.After = append(x.After, t.extra.after[:min(x.AfterCount, maxShown)]...)
	}
	if l := t.tmpl.limiter; l != nil {
		x.Limited = &Limited{Key: l.key, Limit: t.tmpl.limit, Running: l.running}
	}
	if e := ex.p.reservedBy(t); e != nil {
		x.Reserved, x.ReservedForMs = e.id, max(ex.now-e.reservedAt, 0)
	}
}

// limited tells whether as many run as the task's limit allows.
func (ex *explainer) limited() bool { return ex.t.tmpl.limiter.full(ex.t.tmpl.limit) }

// scratchOrder gives p, a copy of another pool, shares and limits of its own.
func (p *pool) scratchOrder() {
	limits := p.limits
	p.limits = make(map[string]*limiter, len(limits))
	for key, l := range limits {
		p.limits[key] = &limiter{key: key, running: l.running}
	}
	for i := range p.levels {
		p.levels[i].shares = nil
	}
}
