package mirrored

import (
	"slices"
	"sort"
	"sync"

	"github.com/spanway/spanway/pkg/events"
)

// spot is a place in a copy: what was written at origin and behind it stands at target and
// behind it, and what was written before origin stands before target.
type spot struct{ origin, target int64 }

// view is what is known of a copy for as long as it stays what it was: its newest
// generation, where that begins, and where some of its records stand.
type view struct {
	// number is the term of the pages that are read by it, term that of the copy.
	number, term int64
	generation   uint32
	first        spot

	mu    sync.Mutex
	spots []spot // in order; the first one is first
	end   spot   // where the copy ended last, as far as that is known
}

// spotsKept bounds what a view remembers.
const spotsKept = 4096

// before is the last spot that is known at or before an offset, which is not before first;
// after is the next one, ok if there is one.
func (v *view) around(origin int64) (before, after spot, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := sort.Search(len(v.spots), func(i int) bool { return v.spots[i].origin > origin })
	if i < len(v.spots) {
		after, ok = v.spots[i], true
	}
	return v.spots[i-1], after, ok
}

// note remembers a spot. Of those with one origin the last is kept: what stands between
// does not count.
func (v *view) note(s spot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := sort.Search(len(v.spots), func(i int) bool { return v.spots[i].origin >= s.origin })
	if i < len(v.spots) && v.spots[i].origin == s.origin {
		if i > 0 {
			v.spots[i].target = max(v.spots[i].target, s.target)
		}
		return
	}
	v.spots = slices.Insert(v.spots, i, s)
	if len(v.spots) <= spotsKept {
		return
	}
	kept := v.spots[:0]
	for i, s := range v.spots {
		if i%2 == 0 || i == len(v.spots)-1 {
			kept = append(kept, s)
		}
	}
	v.spots = kept
}

// ended is where the copy ends if its target ends there, if that is known.
func (v *view) ended(target int64) (origin int64, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.end.origin, v.end.target == target && target > 0
}

// ends notes where the copy ends.
func (v *view) ends(s spot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.target > v.end.target {
		v.end = s
	}
}

// written is a record as it was written, at the offset where it was written.
func written(r *events.Record, origin int64) events.Record {
	out := *r
	out.Offset = origin
	if n := len(r.Headers) - 2; n >= 0 && ours(r.Headers[n].Key) && ours(r.Headers[n+1].Key) {
		out.Headers = r.Headers[:n:n]
		return out
	}
	out.Headers = nil
	for _, h := range r.Headers {
		if !ours(h.Key) {
			out.Headers = append(out.Headers, h)
		}
	}
	return out
}

func ours(key string) bool { return key == events.HeaderOrigin || key == events.HeaderTrail }
