package networks

import (
	"slices"
	"sort"

	"github.com/spanway/spanway/pkg/network"
)

// History is what sites must have had. It is complete when all of network.changes was fed.
type History struct {
	sites map[string]*timeline
	// term is the newest one.
	term uint64
	// partial: the beginning of the log is gone, and nothing is known.
	partial bool
	// replaced: sites follow a global manager that was promoted elsewhere.
	replaced bool
}

// timeline is what one site must have had.
type timeline struct {
	// there: the site is part of the networks at the end.
	there bool
	// last is the newest number that is used. own is the newest that this log has given; ends
	// has, for terms that are over, and those in which it was retired, what that was then.
	last, own uint64
	ends      map[uint64]uint64
	// observed is how far it is said to be, in the newest term.
	observed uint64
	// steps in order; numbers and terms do not fall.
	steps []step
}

// step is how what a site must have changes by its entry of a number, or by what comes to
// pass while that is its newest.
type step struct {
	number, term uint64
	// change is that of the entry; 0: labels have changed, or the site was added.
	change uint64
	entry  bool
	// anew: it must have nothing of what it must have had.
	anew    bool
	puts    []*network.Object
	removes []network.Path
}

// Sites names the sites that are part of the networks at the end: sorted.
func (h *History) Sites() (names []string) {
	for name, t := range h.sites {
		if t.there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// known tells whether the site has an entry of that number in that term.
func (t *timeline) known(term, number uint64) (step, bool) {
	i := sort.Search(len(t.steps), func(i int) bool {
		s := t.steps[i]
		return s.term > term || s.term == term && s.number >= number
	})
	for ; i < len(t.steps) && t.steps[i].number == number && t.steps[i].term == term; i++ {
		if t.steps[i].entry {
			return t.steps[i], true
		}
	}
	return step{}, false
}

// leads tells whether a full sync of a term may have led to an entry.
func (h *History) leads(t *timeline, term, number uint64) bool {
	if term == h.term && t.there {
		return number <= t.last
	}
	end, ok := t.ends[term]
	return ok && number <= end
}
