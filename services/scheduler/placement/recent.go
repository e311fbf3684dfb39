package placement

// recent finds the tasks of the newest attempts by their tokens: what is published
// of an attempt, reported of it and ends it is about a new one nearly always, and
// among a hundred thousand tasks that wait, looking it up by its ID costs more than
// the event does. Who is not found here is looked up. It is not folded.
type recent struct{ attempts []attempt }

type attempt struct {
	pool *pool
	task *task
}

// recentAttempts is a power of two, and more than what is usually between an
// assignment and its report.
const recentAttempts = 4096

func (r *recent) at(token uint64) *attempt { return &r.attempts[token%recentAttempts] }

// note is called when a task was assigned.
func (r *recent) note(p *pool, t *task) {
	if r.attempts == nil {
		r.attempts = make([]attempt, recentAttempts)
	}
	*r.at(t.token) = attempt{p, t}
}

// find gives the task whose current attempt has that token; nil if it is not known here.
func (r *recent) find(name, id string, token uint64) (*pool, *task) {
	if r.attempts == nil {
		return nil, nil
	}
	a := r.at(token)
	if t := a.task; t != nil && t.token == token && t.status == assigned && t.id == id && string(a.pool.name) == name {
		return a.pool, t
	}
	return nil, nil
}

// forget lets go of a task that has ended.
func (r *recent) forget(t *task) {
	if r.attempts == nil {
		return
	}
	if a := r.at(t.token); a.task == t {
		*a = attempt{}
	}
}
