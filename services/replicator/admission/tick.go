package admission

import (
	"slices"
	"time"
)

const (
	// firstPause and lastPause bound the time between a failure and the next attempt.
	firstPause, lastPause = 5 * time.Second, 5 * time.Minute
)

// Event says that a snapshot has come to another phase.
type Event struct {
	Link, ID string
	Phase    Phase
	// Why it has failed, if it has.
	Why Reason
}

// Tick does what is due by now, and tells what has changed. It is to be called after each
// call of another method that changes something, and when Due says.
func (a *Admission) Tick(now time.Time) (events []Event) {
	tell := func(s *snapshot, why Reason) { events = append(events, Event{s.link, s.id, s.phase, why}) }
	a.askAgain(now, tell)
	a.fail(now, tell)
	a.shrink(now, tell)
	a.admit(now, tell)
	a.rotate(now, tell)
	return events
}

// askAgain puts those in line whose pause is over.
func (a *Admission) askAgain(now time.Time, tell func(*snapshot, Reason)) {
	over := slices.Clone(a.in[Pausing])
	over = slices.DeleteFunc(over, func(s *snapshot) bool { return s.again.After(now) })
	slices.SortStableFunc(over, func(x, y *snapshot) int { return x.again.Compare(y.again) })
	for _, s := range over {
		a.put(s, Waiting)
		tell(s, "")
	}
}

// fail takes the places of those that are idle or overdue.
func (a *Admission) fail(now time.Time, tell func(*snapshot, Reason)) {
	for _, s := range slices.Clone(a.in[Admitted]) {
		var why Reason
		switch {
		case !a.idleAt(s).After(now):
			why = Idle
		case !a.overdueAt(s).After(now):
			why = Overdue
		default:
			continue
		}
		s.idle, s.held = 0, 0
		if s.failures++; s.failures >= a.limits.Retries {
			a.put(s, Failed)
		} else {
			s.again = now.Add(pause(s.failures))
			a.put(s, Pausing)
		}
		tell(s, why)
	}
}

// pause is how long to wait after so many failures in a row.
func pause(failures int) time.Duration {
	for p := firstPause; p < lastPause; p *= 2 {
		if failures--; failures == 0 {
			return p
		}
	}
	return lastPause
}

// shrink takes places that are too many, of those that have had theirs for longest.
func (a *Admission) shrink(now time.Time, tell func(*snapshot, Reason)) {
	for len(a.in[Admitted]) > a.limits.AtOnce {
		s := a.in[Admitted][0]
		a.yield(s, now)
		tell(s, "")
	}
}

// admit gives places that are free to those that wait.
func (a *Admission) admit(now time.Time, tell func(*snapshot, Reason)) {
	for len(a.in[Admitted]) < a.limits.AtOnce && len(a.in[Waiting]) > 0 {
		s := a.next()
		a.enter(s, now)
		tell(s, "")
	}
}

// rotate sends those to the back of the line whose turn is over, as many as wait. The others
// of them begin another turn.
func (a *Admission) rotate(now time.Time, tell func(*snapshot, Reason)) {
	waited := len(a.in[Waiting])
	for _, s := range slices.Clone(a.in[Admitted]) { // In the order in which their turns began.
		if len(a.in[Waiting]) == 0 || s.since.Add(a.limits.Turn).After(now) {
			return
		}
		a.yield(s, now)
		other := s
		if waited > 0 {
			other = a.next()
		}
		if a.enter(other, now); other != s {
			waited--
			tell(s, "")
			tell(other, "")
		}
	}
}

// next is what is admitted next: the first in line of which the link has less than its
// share, or else the first.
func (a *Admission) next() *snapshot {
	line := a.in[Waiting]
	share := (a.limits.AtOnce + len(a.links) - 1) / len(a.links)
	i := slices.IndexFunc(line, func(s *snapshot) bool { return a.links[s.link].admitted < share })
	return line[max(i, 0)]
}

// enter begins a turn.
func (a *Admission) enter(s *snapshot, now time.Time) {
	s.since, s.active = now, now
	a.put(s, Admitted)
}

// yield ends a turn.
func (a *Admission) yield(s *snapshot, now time.Time) {
	s.held += now.Sub(s.since)
	s.idle += now.Sub(s.active)
	a.put(s, Waiting)
}

// idleAt is when an admitted snapshot has been idle for too long.
func (a *Admission) idleAt(s *snapshot) time.Time { return s.active.Add(a.limits.Idle - s.idle) }

// overdueAt is when it has been admitted for too long.
func (a *Admission) overdueAt(s *snapshot) time.Time { return s.since.Add(a.limits.Deadline - s.held) }

// Due is when Tick is needed next; ok is false if only a call of another method can change
// anything.
func (a *Admission) Due() (due time.Time, ok bool) {
	by := func(t time.Time) {
		if !ok || t.Before(due) {
			due, ok = t, true
		}
	}
	for _, s := range a.in[Pausing] {
		by(s.again)
	}
	for _, s := range a.in[Admitted] {
		by(a.idleAt(s))
		by(a.overdueAt(s))
		if len(a.in[Waiting]) > 0 {
			by(s.since.Add(a.limits.Turn))
		}
	}
	return due, ok
}
