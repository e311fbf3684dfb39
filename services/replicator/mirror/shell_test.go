package mirror

import (
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// step takes the step that a node's copy asks for, or lets it fail.
func (w *world) step(n *node) {
	c := n.copy
	if !w.calm && w.chance(20) {
		c.Unknown()
		return
	}
	var err error
	w.say("%v node %d %s g%d start %d next %d last %v read %d: %s", c.mark.Declared, slices.Index(w.nodes, n), c.State(), c.mark.Generation, c.mark.Start, c.mark.Next, c.mark.Last, c.mark.read(), brief(c.Next()))
	switch s := c.Next().(type) {
	case Rest:
		if w.calm {
			panic(fmt.Sprintf("the copy rests: %s", s.Reason))
		}
		w.start()
	case Claim:
		if n != w.nodes[len(w.nodes)-1] && n.epoch > 0 {
			return // A zombie that was fenced ends.
		}
		w.target.epoch++
		n.epoch = w.target.epoch
		w.target.end++ // The marker.
		if saved := w.newest(); w.flaw != forgetful && saved.Generation > 0 {
			c.Known(&saved)
		}
		err = c.Claimed(w.target.start, w.target.end, w.id(&w.target))
	case ReadTail:
		page := w.target.read(max(s.From, w.target.start), 1+w.rand.IntN(20))
		if page.Next = max(page.Next, s.From); page.End < s.To || page.Next > s.To {
			page.Next = max(s.To, page.Next)
		}
		if w.flaw == blind {
			c.target.newest, page.Records, page.Next = c.savedLast(), nil, s.To
		}
		if last := c.savedLast(); w.flaw == trusting && last.newer(c.target.newest) {
			c.target.newest = last
		}
		err = c.Tail(Tail{page.Records, page.Next})
	case ReadSource:
		page := Source{Page: encode(w.source.read(s.From, 1+w.rand.IntN(20))), ID: w.id(&w.source)}
		if w.chance(3) {
			w.source.untold = 0
		}
		if before := max(s.From, s.To); w.flaw != gullible && page.End < before && w.source.end >= before {
			return // It is read again.
		}
		if w.flaw == unproven {
			if page.Term, page.ID, page.End = 0, "", max(page.End, c.mark.Next); c.proof != nil {
				c.proof, s.From = nil, c.mark.Next
			}
		}
		err = c.Page(s.From, &page)
	case Save:
		known := c.saved != nil && c.saved.Generation == s.Checkpoint.Generation
		if w.flaw != late && w.flaw != unheld || !known || w.flaw == unheld && len(c.saved.Declared) != len(s.Checkpoint.Declared) {
			w.keep(s.Checkpoint)
		}
		err = c.Saved()
	case Append:
		w.deliver(n, s)
	case DeadLetter:
		if w.flaw != unburied || w.chance(2) {
			w.letters[string(s.Record.Value)] = true
		}
		err = c.Buried()
	}
	if err != nil {
		panic(err)
	}
}

func brief(s Step) string {
	switch s := s.(type) {
	case Append:
		return fmt.Sprintf("append %s…%s", s.Records[0].Value, s.Records[len(s.Records)-1].Value)
	case DeadLetter:
		return fmt.Sprintf("bury %s", s.Record.Value)
	}
	return fmt.Sprintf("%T%+v", s, s)
}

func (c *Copy) savedLast() *Last {
	if c.saved == nil {
		return nil
	}
	return c.saved.Last
}

// deliver appends a batch, unless the network or the fence is against it.
func (w *world) deliver(n *node, s Append) {
	c, fate := n.copy, w.rand.IntN(12)
	if w.calm {
		fate = 11
	}
	if w.chance(4) { // A limit lets a part of it pass.
		must(c.Cut(1 + w.rand.IntN(len(s.Records))))
		s = c.Next().(Append)
	}
	records := slices.Clone(s.Records)
	switch {
	case n.epoch != w.target.epoch && w.flaw != unfenced:
		c.Unknown()
	case fate == 0: // It arrives late, or not at all.
		w.flights = append(w.flights, flight{n.epoch, records})
		w.unknown(c)
	case fate == 1: // Its acknowledgement is lost.
		w.target.append(records...)
		w.unknown(c)
	case fate == 2:
		must(c.Refused())
	default:
		must(c.Appended(w.target.append(records...)))
	}
}

func (w *world) unknown(c *Copy) {
	if w.flaw == hasty {
		must(c.Appended(c.target.end))
		return
	}
	c.Unknown()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// rest lets the newest node go on undisturbed until it has copied all.
func (w *world) rest() error {
	w.calm, w.flights = true, nil
	w.start()
	n := w.nodes[len(w.nodes)-1]
	for range 10_000 {
		w.step(n)
		if c, ok := n.copy.Checkpoint(); ok && c.Next == w.source.end && len(n.copy.batch) == 0 && n.copy.state == Delta {
			return nil
		}
	}
	return fmt.Errorf("the copy does not come to the end: it is %s, at %d of %d", n.copy.state, n.copy.mark.Next, w.source.end)
}

// judge compares the target with the source, by what stands in them alone.
func (w *world) judge() error {
	generation := uint32(0)
	var origin int64
	has := map[string]int{}
	for i := range w.target.records {
		r := &w.target.records[i]
		p, ok := events.ProvenanceOf(r, into)
		if !ok {
			continue
		}
		if p.Generation < generation || p.Generation == generation && p.Offset <= origin {
			return fmt.Errorf("%d/%d stands behind %d/%d in the target, at %d", p.Generation, p.Offset, generation, origin, r.Offset)
		}
		generation, origin = p.Generation, p.Offset
		has[string(r.Value)]++
	}
	for i := range w.source.records {
		r := &w.source.records[i]
		v := string(r.Value)
		if has[v] > 1 {
			return fmt.Errorf("%s, at %d, is in the target %d times", v, r.Offset, has[v])
		}
		d, known := w.at(r.Offset)
		if !known {
			continue
		}
		switch copied, buried := d.wanted(r); {
		case buried && !w.letters[v]:
			return fmt.Errorf("%s, at %d, is neither copied nor a dead letter", v, r.Offset)
		case copied && has[v] == 0 && !w.letters[v]:
			return fmt.Errorf("%s, at %d, is not in the target", v, r.Offset)
		case !copied && has[v] > 0:
			return fmt.Errorf("%s, at %d, is in the target", v, r.Offset)
		}
	}
	return nil
}
