package networks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/network"
)

// should is what a site must have behind an entry, as far as its log was followed.
type should struct {
	history *History
	of      *timeline
	next    int // the step that is taken next
	// objects that it must have; moved are the paths of those that were not compared since.
	objects map[network.Path]*network.Object
	moved   map[network.Path]bool
	// open are paths at which the site has something else.
	open map[network.Path]difference
	// astray: the site has applied what the history does not know.
	astray bool
}

// difference is why a site has something else than it must have.
type difference uint8

const (
	// passedOver: an entry about it was, and a later one will mend it.
	passedOver difference = iota + 1
	// told: it was found, and is not told again.
	told
)

func newShould(h *History, site string) *should {
	return &should{history: h, of: h.sites[site], objects: map[network.Path]*network.Object{}, moved: map[network.Path]bool{}, open: map[network.Path]difference{}}
}

// advance takes all steps up to an entry; false if there is no such entry.
func (d *should) advance(term, number uint64) bool {
	if _, ok := d.of.known(term, number); !ok {
		return false
	}
	d.take(term, number)
	return true
}

// leadTo takes all steps up to what a full sync has the effect of; false if the history has
// no such number in that term.
func (d *should) leadTo(term, number uint64) bool {
	if !d.history.leads(d.of, term, number) {
		return false
	}
	d.take(term, number)
	return true
}

func (d *should) take(term, number uint64) {
	for ; d.next < len(d.of.steps); d.next++ {
		s := &d.of.steps[d.next]
		if s.term > term || s.number > number {
			return
		}
		if s.anew {
			for p := range d.objects {
				d.moved[p] = true
			}
			clear(d.objects)
		}
		for _, o := range s.puts {
			d.objects[o.Path], d.moved[o.Path] = o, true
		}
		for _, p := range s.removes {
			delete(d.objects, p)
			d.moved[p] = true
		}
	}
}

// same tells whether what a site has at a path is what it must have.
func (d *should) same(p network.Path, has *network.Object) bool {
	must := d.objects[p]
	if must == nil || has == nil {
		return must == has
	}
	return must.Hash == has.Hash
}

// tell says how what a site has at a path differs.
func (d *should) tell(p network.Path, has *network.Object) string {
	revision := func(o *network.Object) string {
		if o == nil {
			return "nothing"
		}
		return fmt.Sprintf("revision %d", o.Revision)
	}
	return fmt.Sprintf("it has %s of %s, and must have %s", revision(has), p, revision(d.objects[p]))
}

// left are the paths at which entries that were passed over have left something else.
func (d *should) left() (paths []network.Path) {
	for _, p := range slices.Sorted(maps.Keys(d.open)) {
		if d.open[p] == passedOver {
			paths = append(paths, p)
		}
	}
	return paths
}
