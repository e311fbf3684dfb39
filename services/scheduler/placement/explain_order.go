package placement

import (
	"fmt"
	"strconv"
	"strings"
)

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

// orderLines are the lines of a text about order.
func (e Explanation) orderLines(line func(name, rest string)) {
	if e.AfterCount > 0 {
		quoted := make([]string, len(e.After))
		for i, id := range e.After {
			quoted[i] = strconv.Quote(id)
		}
		text := plural(e.AfterCount, "task") + ": " + strings.Join(quoted, " ")
		if e.AfterCount > len(e.After) {
			text += " …"
		}
		line("after", text)
	}
	if l := e.Limited; l != nil {
		line("limit", fmt.Sprintf("%q: %d running, at most %d", l.Key, l.Running, l.Limit))
	}
	if e.Reserved != "" {
		line("reserved", fmt.Sprintf("engine %s, for %s", e.Reserved, forHumans(e.ReservedForMs)))
	}
}

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
