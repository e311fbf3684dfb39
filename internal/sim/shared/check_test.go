package shared

import (
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Check implements sim.Story.
func (s *story) Check() error {
	last, err := s.read()
	if err != nil {
		return err
	}
	s.terms = append(s.terms, last)
	if err := s.sound(last); err != nil {
		return err
	}
	if s.fault != nil {
		return s.fault
	}
	for _, check := range []func(*reading) error{s.checkStates, s.checkTold, s.checkEnd} {
		if err := check(last); err != nil {
			return err
		}
	}
	return nil
}

// sound says what is wrong with the log alone.
func (s *story) sound(r *reading) error {
	for _, check := range []func(*reading) error{s.checkOnce, s.checkLeases, checkRule} {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// checkOnce: no call, and nothing that a user asked for, is accepted twice, or after it was
// refused.
func (s *story) checkOnce(r *reading) error {
	accepted, refused := map[int64]int64{}, map[sharedlog.CallID]int64{}
	for _, d := range r.decided {
		if !d.verdict.Accepted() {
			refused[d.call.ID] = d.call.Offset
			continue
		}
		if at, ok := refused[d.call.ID]; ok {
			return fmt.Errorf("offset %d: call %v is accepted; it was refused at %d", d.call.Offset, d.call.ID, at)
		}
		ask := askedFor(d.call.Message)
		if at, ok := accepted[ask]; ok && ask > 0 {
			return fmt.Errorf("offset %d: what was asked for is accepted again, the first time at %d: %v", d.call.Offset, at, d.call.Message)
		}
		accepted[ask] = d.call.Offset
	}
	return nil
}

// checkLeases: no lease ends by time before it is over by a clock that shows what has
// passed since the claim came to stand in the log.
func (s *story) checkLeases(r *reading) error {
	claims := map[int64]time.Duration{} // by token: until when it is leased at least
	next := 0
	for _, d := range r.decided {
		for next < len(r.ends) && r.ends[next].offset < d.call.Offset {
			next++
		}
		for _, e := range r.ends[next:] {
			if e.offset > d.call.Offset {
				break
			}
			if until := claims[e.token]; s.arrivals[e.offset] < until {
				return fmt.Errorf("offset %d: the lease of the claim at %d ends after %v of the world; it is leased until %v", e.offset, e.token, s.arrivals[e.offset], until)
			}
		}
		if !d.verdict.Accepted() {
			continue
		}
		arrived := s.arrivals[d.call.Offset]
		switch m := d.call.Message.(type) {
		case *events.QueueClaimed:
			claims[d.call.Offset] = arrived + time.Duration(m.LeaseMs)*time.Millisecond
		case *events.QueueClaimExtended:
			claims[m.Token] = max(claims[m.Token], arrived+time.Duration(m.LeaseMs)*time.Millisecond)
		}
	}
	return nil
}

// checkRule: the fold decides as the judge does.
func checkRule(r *reading) error {
	known := map[sharedlog.CallID]bool{}
	n := 0
	for _, d := range r.decided {
		if known[d.call.ID] && d.verdict.Code == events.CodeTooLate {
			continue // The judge remembers it for ever.
		}
		known[d.call.ID] = true
		if n >= len(r.ruled) || r.ruled[n].verdict != d.verdict || r.ruled[n].call.ID != d.call.ID {
			return fmt.Errorf("offset %d: the fold decides %q of call %v; the judge says otherwise", d.call.Offset, d.verdict.Code, d.call.ID)
		}
		n++
	}
	if n != len(r.ruled) {
		return fmt.Errorf("the fold decides %d calls, the judge %d", n, len(r.ruled))
	}
	return nil
}

// checkStates: at each offset a host's state was that of the whole log, so hosts at equal
// offsets had equal ones, and a snapshot with what follows it is the whole log.
func (s *story) checkStates(*reading) error {
	for _, o := range s.seen {
		if of := s.terms[o.term].states; o.at >= int64(len(of)) || of[o.at] != o.hash {
			return fmt.Errorf("%s had another state at %d than the log in its term %d", o.host, o.at, o.term)
		}
	}
	return nil
}

// checkTold: each user that was told a verdict was told that of the log.
func (s *story) checkTold(*reading) error {
	for _, c := range s.calls {
		if !c.over || c.lost {
			continue
		}
		from, to := c.term, c.term
		if c.term < 0 {
			from, to = 0, int64(len(s.terms))-1
		}
		ok := false
		for _, r := range s.terms[from : to+1] {
			v, known := r.verdicts[c.id]
			ok = ok || known && v.Code == c.verdict.Code && (v.Offset == c.verdict.Offset || v.Code == events.CodeTooLate)
		}
		if !ok {
			return fmt.Errorf("a user of %s was told %+v of call %v (%v); the log says %+v", c.host.name, c.verdict, c.id, c.message, s.terms[to].verdicts[c.id])
		}
	}
	return nil
}

// checkEnd: in peace each host comes to the end of the log, each user has an answer,
// and what is leased ends.
func (s *story) checkEnd(last *reading) error {
	for _, h := range s.hosts {
		if h.gone {
			continue
		}
		if err := h.end(); err != nil {
			return fmt.Errorf("%s, in the end: %w", h.name, err)
		}
		if hash := xxhash.Sum64(h.fold.Snapshot(nil)); hash != last.states[len(last.states)-1] {
			return fmt.Errorf("%s, in the end, at %d: its state is not that of the log", h.name, h.follower.Position())
		}
		if n := len(h.waiting) + len(h.unknown); n > 0 {
			return fmt.Errorf("%d users of %s have no answer in the end", n, h.name)
		}
	}
	for _, e := range last.core.entries {
		if start := s.start(); e.seq < start {
			return fmt.Errorf("what the entry at %d holds is deleted: the log begins at %d", e.seq, start)
		}
	}
	if last.due != never {
		return errors.New("in the end a lease goes on: time stands still")
	}
	return nil
}
