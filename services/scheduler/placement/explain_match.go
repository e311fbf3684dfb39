package placement

// accepted tells whether e accepts the task.
func (ex *explainer) accepted(e *engine, source *evaluation, f *Finding) bool {
	if e.class.accepts == nil {
		return true
	}
	ok, err := e.class.accepts.Eval(source)
	if ok {
		return true
	}
	f.NotAccepted = e.class.accepts.Text()
	if err != nil {
		f.Error = err.Error()
	}
	return false
}

// score tells what the task's preference gives for an engine.
func (ex *explainer) score(source *evaluation, f *Finding) {
	if ex.prefer == nil {
		return
	}
	score, err := ex.prefer.Score(source)
	if err != nil {
		f.ScoreError = err.Error()
		return
	}
	f.Score = &score
}

// shortage tells what e lacks, and gives a measure of how much that is.
func (ex *explainer) shortage(e *engine, f *Finding) (lack float64) {
	for _, n := range ex.t.tmpl.shape.needs {
		dim, free, room := int(n.dim), int64(0), int64(0)
		if dim < len(e.free) {
			free, room = max(e.free[dim], 0), max(e.room[dim], 0)
		}
		if n.amount <= room {
			continue
		}
		lack += 1 + float64(n.amount-room)/float64(n.amount)
		name := ex.p.dims.names[dim]
		if n.amount > free {
			note(&f.Short, name, n.amount-free)
		}
		if left := e.allocatable; e.usedOf(dim) >= 0 && n.amount > left[dim]-e.used[dim] {
			note(&f.ShortMeasured, name, n.amount-max(left[dim]-e.used[dim], 0))
			ex.measured = true
		}
	}
	return lack
}

func note(in *map[string]int64, name string, amount int64) {
	if *in == nil {
		*in = make(map[string]int64)
	}
	(*in)[name] = amount
}
