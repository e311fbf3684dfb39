package mirror

import "slices"

// Declared is what decided, from an offset of the source on, which records are passed over: up
// to the next one of a Checkpoint, and that of the first also below it.
type Declared struct {
	From int64
	// Unknown says that it is not known any more: there were too many changes.
	Unknown bool
	// Relay and Routed are those of Config.
	Relay  bool
	Routed *Routing
}

const (
	// declarations is how many of them a checkpoint has at most, besides one that is Unknown.
	declarations = 16
	// declaredBytes is how many bytes of names they have together at most, besides the newest.
	declaredBytes = 16 << 10
)

// says tells whether a declaration says the same as another one, of whatever offset.
func (d *Declared) says(as *Declared) bool {
	if d.Unknown != as.Unknown || d.Relay != as.Relay || d.Routed == nil || as.Routed == nil {
		return d.Unknown == as.Unknown && d.Relay == as.Relay && d.Routed == as.Routed
	}
	a, b := d.Routed, as.Routed
	return a.Header == b.Header && a.Site == b.Site && a.Unrouted == b.Unrouted && a.Unknown == b.Unknown && slices.Equal(a.Allowed, b.Allowed)
}

// size is about how many bytes it takes.
func (d *Declared) size() (n int) {
	if d.Routed == nil {
		return 0
	}
	n = len(d.Routed.Header) + len(d.Routed.Site)
	for _, name := range d.Routed.Allowed {
		n += len(name)
	}
	return n
}

// declare has the configuration decide from Next on, where nothing is decided yet; changed
// says that the checkpoint must be saved before a record is copied by it.
func (c *Copy) declare() (changed bool) {
	before := c.mark.Declared
	n := 0
	for n < len(before) && before[n].From < c.mark.Next {
		n++
	}
	all, now := slices.Clone(before[:n]), Declared{From: c.mark.Next, Relay: c.cfg.Relay, Routed: c.cfg.Routed}
	if n == 0 || !all[n-1].says(&now) {
		all = bounded(append(all, now))
	}
	c.mark.Declared = all
	last, was := len(all)-1, len(before)-1
	return last != was || all[last].From != before[was].From || !all[last].says(&before[was])
}

// bounded puts one that is Unknown in place of the oldest of too many.
func bounded(all []Declared) []Declared {
	for i, bytes := len(all)-2, 0; i >= 0; i-- {
		if bytes += all[i].size(); len(all)-i > declarations || bytes > declaredBytes {
			return append([]Declared{{From: all[0].From, Unknown: true}}, all[i+1:]...)
		}
	}
	return all
}
