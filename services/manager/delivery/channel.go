package delivery

import "github.com/spanway/spanway/services/manager/network"

// Why a channel asks for a full sync.
const (
	// TooLarge: an entry brings more than a record may hold.
	TooLarge = "TOO_LARGE"
	// LostState: the site does not have what it had applied, or does not follow the term.
	LostState = "LOST_STATE"
)

// Channel says what is sent to a site next. What it remembers is only what is on its way: a new
// one begins behind what the site has applied, and makes a new attempt at a full sync.
type Channel struct {
	// Window is how many entries, or parts of a full sync, may be on their way; Batch how many of
	// them are sent at once.
	Window, Batch uint64
	// Patience is how long the site may take to come further until what is on its way is sent
	// again, in milliseconds. Each time in vain doubles it, up to 16 times.
	Patience int64

	seen Seen
	term uint64
	// next is the entry that is sent next, if it is not applied by then.
	next uint64
	// large is an entry that is larger than a record may be; 0: none is known.
	large   uint64
	attempt *attempt
	// since is when the site came further, or the first of what is on its way was sent.
	since int64
	vain  uint
	// stuck is since when only a full sync can help that is not ordered; 0: it is not so. asked is
	// when one was asked for.
	stuck, asked int64
}

// attempt is one at a full sync.
type attempt struct {
	id      string
	sync    uint64
	parts   uint64
	next    uint64 // the part that is sent next
	refused uint64 // how many parts were declined when it began
	given   uint64 // how many parts the site has
}

// patience is how long to wait for the site to come further.
func (c *Channel) patience() int64 { return c.Patience << min(c.vain, 4) }

// Next says what to do at a time in milliseconds. passed is the number up to which the queue has
// all entries, or will never have them.
func (c *Channel) Next(of network.Standing, passed uint64, seen Seen, now int64) Step {
	c.notice(of, seen, now)
	syncing := of.Syncing && (seen.Term < of.Term || seen.Sync < of.Sync)
	if !syncing {
		c.attempt = nil
	}
	switch {
	case seen.ahead(of):
		return Step{}
	case syncing:
		c.stuck = 0
		return c.full(of, seen, now)
	case seen.Term < of.Term, seen.Needs == "" && seen.Sequence < of.Last && seen.Sequence+1 < of.First:
		return c.ask(LostState, now)
	case seen.Needs != "": // The global manager is told so, and orders a full sync.
		c.stuck = 0
		return Step{}
	case c.large > 0 && c.large == seen.Sequence+1:
		return c.ask(TooLarge, now)
	}
	c.stuck = 0
	return c.entries(of, passed, seen, now)
}

// notice compares what is seen with what was.
func (c *Channel) notice(of network.Standing, seen Seen, now int64) {
	was := c.seen
	c.seen = seen
	if seen.Sequence != was.Sequence || seen.Term != was.Term || seen.Sync != was.Sync {
		c.since, c.vain = now, 0
	}
	// What is on its way will be declined, or is part of what was applied.
	if of.Term != c.term || seen.Term != was.Term || seen.Sync != was.Sync || seen.Sequence < was.Sequence || seen.Needs != "" {
		c.next = 0
	}
	if of.Term != c.term || seen.Sequence >= c.large {
		c.large = 0
	}
	if of.Term != c.term {
		c.term, c.attempt, c.vain = of.Term, nil, 0
	}
}

// entries sends what follows what the site has, as much as may be on its way. What the site does
// not come to have in time is sent again.
func (c *Channel) entries(of network.Standing, passed uint64, seen Seen, now int64) Step {
	c.next = max(c.next, seen.Sequence+1)
	to := min(of.Last, passed, seen.Sequence+c.Window, c.next+c.Batch-1)
	if c.large > 0 {
		to = min(to, c.large-1)
	}
	switch due := c.since + c.patience(); {
	case c.next > seen.Sequence+1 && now >= due:
		c.next, c.since, c.vain = seen.Sequence+1, now, c.vain+1
		return c.entries(of, passed, seen, now)
	case c.next <= to:
		return Step{Kind: Send, From: c.next, To: to}
	case c.next > seen.Sequence+1:
		return Step{At: due}
	}
	return Step{}
}

// full sends the full sync that is ordered. An attempt that was refused, or does not come further
// in time, is given up for another one, later and later.
func (c *Channel) full(of network.Standing, seen Seen, now int64) Step {
	a := c.attempt
	if a == nil || a.sync != of.Sync {
		return Step{Kind: Begin}
	}
	has := uint64(0)
	if seen.Collecting == a.id {
		has = 1 + uint64(seen.Segments)
	}
	if has > a.given {
		a.given, c.since, c.vain = has, now, 0
	}
	due := c.since + c.patience()
	switch refused := seen.Refused > a.refused; {
	case (refused || a.next > has) && now >= due:
		c.vain++
		return Step{Kind: Begin}
	case refused:
		return Step{At: due}
	}
	if to := min(a.parts, has+c.Window, a.next+c.Batch); a.next < to {
		return Step{Kind: SendParts, From: a.next, To: to - 1}
	}
	return Step{At: due}
}

// ask asks for a full sync when that is needed for longer than Patience, and again after that.
func (c *Channel) ask(reason string, now int64) Step {
	if c.stuck == 0 {
		c.stuck = now
		if reason != TooLarge { // Which is so at once; the other may be a moment's matter.
			c.asked = now
		}
	}
	if due := c.asked + c.Patience; c.asked > 0 && now < due {
		return Step{At: due}
	}
	return Step{Kind: Ask, From: c.large, Reason: reason}
}

// Began notes that an attempt was made, with that many parts: the begin, segments, and the end.
func (c *Channel) Began(id string, sync, parts uint64, now int64) {
	c.attempt = &attempt{id: id, sync: sync, parts: parts, refused: c.seen.Refused}
	c.since = now
}

// Sent notes that all of a step was sent.
func (c *Channel) Sent(s Step, now int64) {
	switch s.Kind {
	case Send:
		if c.next == c.seen.Sequence+1 {
			c.since = now
		}
		c.next = max(c.next, s.To+1)
	case SendParts:
		if a := c.attempt; a != nil {
			if a.next == a.given {
				c.since = now
			}
			a.next = max(a.next, s.To+1)
		}
	case Ask:
		c.asked = now
	}
}

// InFlight is how many entries, or parts of a full sync, were sent that the site is not known to have.
func (c *Channel) InFlight() uint64 {
	n := uint64(0)
	if c.next > c.seen.Sequence+1 {
		n = c.next - c.seen.Sequence - 1
	}
	if a := c.attempt; a != nil && a.next > a.given {
		n += a.next - a.given
	}
	return n
}

// Large notes that an entry is larger than a record may be; 0: that it is not any more.
func (c *Channel) Large(number uint64) { c.large = number }
