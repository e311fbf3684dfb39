package compare

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Declared is what decided, from an offset of the source on, which records are passed over.
type Declared struct {
	From int64
	// Unknown says that it is not known any more.
	Unknown bool
	// Relay and Routed are as in Config.
	Relay  bool
	Routed *Routing
}

// Declare has Declared be what a checkpoint says of the records below an offset: those behind
// it are judged by Relay and Routed.
func (c *Config) Declare(all []Declared, next int64) {
	now := c.now()
	now.From = next
	if n := len(all); n > 0 && !all[n-1].says(&now) {
		all = append(slices.Clip(all), now)
	}
	c.Declared = all
}

// now is what is declared now.
func (c *Config) now() Declared { return Declared{Relay: c.Relay, Routed: c.Routed} }

// at is what was declared at an offset of the source.
func (c *Config) at(offset int64, now *Declared) *Declared {
	for i := len(c.Declared) - 1; i >= 0; i-- {
		if d := &c.Declared[i]; d.From <= offset || i == 0 {
			return d
		}
	}
	return now
}

// says tells whether a declaration says the same as another one, of whatever offset.
func (d *Declared) says(as *Declared) bool {
	if d.Unknown != as.Unknown || d.Relay != as.Relay {
		return false
	}
	a, b := d.Routed, as.Routed
	if a == nil || b == nil {
		return a == b
	}
	return a.Header == b.Header && a.Site == b.Site && a.Unrouted == b.Unrouted && a.UnknownGoOn == b.UnknownGoOn && slices.Equal(a.Allowed, b.Allowed)
}

// judge tells the fate of a record; hopped says that it is a copy itself.
func (d *Declared) judge(r *events.Record, hopped bool) fate {
	switch {
	case hopped && !d.Relay:
		return relayed
	case d.Routed != nil:
		return d.Routed.judge(r)
	}
	return wanted
}
