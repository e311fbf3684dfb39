package admission

import (
	"slices"
	"time"
)

// Limits are what is allowed.
type Limits struct {
	// AtOnce is how many snapshots are admitted together, at least 1.
	AtOnce int
	// Turn is for how long a snapshot keeps its place while others wait.
	Turn time.Duration
	// Idle is how long an admitted snapshot may make no progress. Deadline is for how long it
	// may be admitted in all, until it has come to its end or has failed.
	Idle, Deadline time.Duration
	// Retries is after how many failures in a row a snapshot asks no more, at least 1.
	Retries int
}

// Phase is what a snapshot is in.
type Phase int

const (
	// None: it has not asked, or has left.
	None Phase = iota
	// Waiting in line for a place.
	Waiting
	// Admitted: it has a place.
	Admitted
	// Pausing before it asks again: it has failed.
	Pausing
	// Failed so often that it asks no more.
	Failed
	phases
)

// Reason is why a snapshot has failed.
type Reason string

const (
	// Idle: it had a place, and made no progress.
	Idle Reason = "idle"
	// Overdue: it had a place for longer than its deadline.
	Overdue Reason = "overdue"
)

// Admission tells which snapshots are admitted. It is not safe for concurrent use. After
// calls of its other methods, Tick says what came of them.
type Admission struct {
	limits Limits
	all    map[string]*snapshot
	in     [phases][]*snapshot // by phase: who came first stands first
	links  map[string]*load    // of which a snapshot waits or is admitted
	number int64               // of the last one that was put in line
}

// snapshot is one that has asked.
type snapshot struct {
	link, id string
	phase    Phase
	number   int64         // in line
	since    time.Time     // when its turn began
	held     time.Duration // for how long it was admitted before that
	active   time.Time     // until when its being idle is counted, while it is admitted
	idle     time.Duration // for how long it was idle until then
	failures int           // in a row
	again    time.Time     // when it asks again, while it pauses
}

// load is how many snapshots of a link wait and are admitted.
type load struct{ waiting, admitted int }

// New makes an Admission to which nothing has asked.
func New(limits Limits) *Admission {
	return &Admission{limits: limits, all: map[string]*snapshot{}, links: map[string]*load{}}
}

// Resize changes how many snapshots are admitted together, at least 1.
func (a *Admission) Resize(atOnce int) { a.limits.AtOnce = max(1, atOnce) }

// Ask puts the snapshot of a copy in line, unless it has asked already, and tells whether it
// is admitted.
func (a *Admission) Ask(link, id string) bool {
	s := a.all[id]
	if s == nil {
		s = &snapshot{link: link, id: id}
		a.all[id] = s
		a.put(s, Waiting)
	}
	return s.phase == Admitted
}

// Progress says that a snapshot has gone on. That ends its row of failures.
func (a *Admission) Progress(id string, now time.Time) {
	s := a.all[id]
	if s == nil {
		return
	}
	s.idle, s.active, s.failures = 0, now, 0
	if s.phase == Pausing || s.phase == Failed {
		a.put(s, Waiting)
	}
}

// Limited says that a snapshot could not go on until now, for it was held up on purpose: by
// the limits of its link, or for want of memory. It is not idle for that.
func (a *Admission) Limited(id string, now time.Time) {
	if s := a.all[id]; s != nil {
		s.active = now
	}
}

// Leave takes a snapshot out.
func (a *Admission) Leave(id string) {
	if s := a.all[id]; s != nil {
		a.put(s, None)
		delete(a.all, id)
	}
}

// Retry has those snapshots of a link ask again that have failed: what was in their way is
// gone, perhaps.
func (a *Admission) Retry(link string) {
	for _, s := range slices.Concat(a.in[Pausing], a.in[Failed]) {
		if s.link == link {
			s.failures = 0
			a.put(s, Waiting)
		}
	}
}

// put brings a snapshot to a phase, behind those that are in it.
func (a *Admission) put(s *snapshot, to Phase) {
	if from := a.in[s.phase]; s.phase != None {
		i := slices.Index(from, s)
		a.in[s.phase] = slices.Delete(from, i, i+1)
		a.weigh(s, -1)
	}
	if s.phase = to; to == None {
		return
	}
	if to == Waiting {
		a.number++
		s.number = a.number
	}
	a.in[to] = append(a.in[to], s)
	a.weigh(s, 1)
}

// weigh counts a snapshot among those of its link.
func (a *Admission) weigh(s *snapshot, by int) {
	of := a.links[s.link]
	if of == nil {
		of = &load{}
		a.links[s.link] = of
	}
	switch s.phase {
	case Waiting:
		of.waiting += by
	case Admitted:
		of.admitted += by
	}
	if *of == (load{}) {
		delete(a.links, s.link)
	}
}
