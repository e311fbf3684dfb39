package mirror

import (
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// run lets a copy take its steps until it has nothing left to do. Words after its name say what
// becomes of its next batch: it is appended "unacknowledged", or "delayed", to arrive later. The
// run ends there, and nothing is told to the copy but that it does not know.
func (p *player) run(name string, words []string) {
	if len(words) > 0 {
		p.fate[name] = words[0]
	}
	n := p.copies[name]
	for range 100 {
		held := p.fate[name] != ""
		idle := p.step(name, n)
		for _, i := range n.copy.Incidents() {
			lost := ""
			if i.Lost > 0 {
				lost = fmt.Sprintf(", %d are gone", i.Lost)
			}
			if i.LostUnknown {
				lost = ", how many are gone is not known"
			}
			p.say("%s tells of %s at %d%s", name, i.Reason, i.Offset, lost)
		}
		if idle || held && p.fate[name] == "" {
			return
		}
	}
	p.tb.Fatalf("%s does not come to rest", name)
}

// step takes one step, and tells whether nothing is left to do.
func (p *player) step(name string, n *node) (idle bool) {
	c := n.copy
	var err error
	switch s := c.Next().(type) {
	case Rest:
		p.say("%s has stopped: %s", name, s.Reason)
		return true
	case Claim:
		err = p.claim(name, n)
	case ReadTail:
		page := p.target.read(max(s.From, p.target.start), 100)
		var within []events.Record
		for _, r := range page.Records {
			if r.Offset < s.To {
				within = append(within, r)
			}
		}
		p.say("%s reads the target from %d to %d: %s", name, s.From, s.To, orNone(within))
		err = c.Tail(Tail{page.Records, max(s.To, page.Next)})
	case ReadSource:
		return p.read(name, c, s)
	case Save:
		p.keep(name, &s.Checkpoint)
		err = c.Saved()
	case Append:
		if err = p.append(name, n, s); p.copies[name] == nil {
			return true
		}
	case DeadLetter:
		p.say("%s buries %s: %s", name, brieflies([]events.Record{s.Record}), s.Reason)
		err = c.Buried()
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	return false
}

// claim takes the partition from every earlier writer; the marker of the fence takes an offset.
func (p *player) claim(name string, n *node) error {
	p.target.epoch++
	n.epoch = p.target.epoch
	p.target.end++
	if p.saved != nil {
		n.copy.Known(p.saved)
	}
	p.say("%s claims the target, which ends at %d", name, p.target.end)
	return n.copy.Claimed(p.target.start, p.target.end, p.id(&p.target))
}

// read gives a page of the source. What is read again of its end is not told.
func (p *player) read(name string, c *Copy, s ReadSource) (idle bool) {
	before := c.State()
	page := Source{Page: p.source.read(s.From, 100), ID: p.id(&p.source), At: p.now}
	swept := c.sweep
	if err := c.Page(s.From, &page); err != nil {
		p.tb.Fatal(err)
	}
	next, again := c.Next().(ReadSource)
	if idle = again && before == Delta && c.State() == Delta && len(page.Records) == 0 && next.From == s.From; idle {
		p.say("%s has all, up to %d: %s", name, s.From, counted(c.Counts()))
		return true
	}
	switch {
	case s.Prove:
		p.say("%s compares what it copied with the source, from %d: %s", name, s.From, orNone(page.Records))
	case swept != nil:
		p.say("%s reads the keys of the source, from %d: %s", name, s.From, orNone(page.Records))
	default:
		p.say("%s reads the source from %d: %s", name, s.From, orNone(page.Records))
	}
	return false
}

// append delivers a batch, unless the network or the fence is against it.
func (p *player) append(name string, n *node, s Append) error {
	what := brieflies(s.Records)
	fate := p.fate[name]
	delete(p.fate, name)
	switch {
	case fate == "delayed":
		p.say("%s appends %s, which is on its way", name, what)
		p.flights = append(p.flights, flight{n.epoch, s.Records})
		return nil
	case n.epoch != p.target.epoch && !p.unfenced:
		p.say("%s appends %s, and is refused by the fence: it ends", name, what)
		delete(p.copies, name)
		return nil
	}
	base := p.target.append(s.Records...)
	if fate == "unacknowledged" {
		p.say("%s appends %s at %d, and is not told so", name, what, base)
		n.copy.Unknown()
		return nil
	}
	p.say("%s appends %s at %d", name, what, base)
	return n.copy.Appended(base)
}

func orNone(records []events.Record) string {
	if len(records) == 0 {
		return "none"
	}
	return brieflies(records)
}

// counted tells what a copy has done since it was made.
func counted(c Counts) string {
	all := fmt.Sprintf("copied %d", c.Copied)
	for _, one := range []struct {
		name string
		n    int64
	}{{"looped", c.Looped}, {"relayed", c.Relayed}, {"elsewhere", c.Elsewhere}, {"buried", c.Buried}, {"swept", c.Swept}} {
		if one.n > 0 {
			all += fmt.Sprintf(", %s %d", one.name, one.n)
		}
	}
	return all
}

// id is a topic's, but some clusters do not tell.
func (p *player) id(of *partition) string {
	if p.mute {
		return ""
	}
	return fmt.Sprint(of.id)
}
