package replay

import (
	"cmp"
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// unmeasuredMs is taken where no attempt of any kind ended in the record.
const unmeasuredMs = 1_000

// forever is the duration of work that does not end by itself.
const forever = -1

// works is what the attempts of a recording took.
type works struct {
	// byKind holds the medians of the kinds, all that of all attempts.
	byKind map[string]int64
	all    int64
	kinds  []KindDuration
}

// KindDuration is how long attempts of a kind took in the record.
type KindDuration struct {
	Kind     string `json:"kind"`
	Attempts int    `json:"attempts"`
	MedianMs int64  `json:"median_ms"`
}

// play is one attempt as a run performs it.
type play struct {
	// ms is how long it takes, or forever.
	ms  int64
	how outcome
	err *events.TaskError
	// as is the recorded attempt, nil if the duration is estimated.
	as *attempt
}

func measure(rec *Recording) works {
	byKind := make(map[string][]int64)
	var all []int64
	for _, q := range rec.Requests {
		for i := range q.attempts {
			if a := &q.attempts[i]; a.tells() {
				byKind[q.Task.Kind] = append(byKind[q.Task.Kind], a.ms())
				all = append(all, a.ms())
			}
		}
	}
	w := works{byKind: make(map[string]int64, len(byKind)), all: median(all, unmeasuredMs)}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		w.byKind[kind] = median(byKind[kind], 0)
		w.kinds = append(w.kinds, KindDuration{kind, len(byKind[kind]), w.byKind[kind]})
	}
	return w
}

// median of some numbers, the lower of two in the middle. It sorts them.
func median(of []int64, none int64) int64 {
	if len(of) == 0 {
		return none
	}
	slices.SortFunc(of, cmp.Compare)
	return of[(len(of)-1)/2]
}

// tells: the attempt ended by itself, so it says how long the work takes.
func (a *attempt) tells() bool { return a.how == success || a.how == final || a.how == failure }

func (a *attempt) ms() int64 { return max(a.to.ms-a.from.ms, 0) }

// play gives the attempt that follows n attempts that ran to their end.
func (w *works) play(q *Request, n int, endMs int64) play {
	var last *attempt
	ran, was := int64(0), false
	for i := range q.attempts {
		a := &q.attempts[i]
		switch {
		case !a.tells():
			until := a.to.ms
			if a.how == open {
				until = endMs
			}
			ran, was = max(ran, until-a.from.ms+1), true // It had not ended by then.
		case n == 0:
			return play{a.ms(), a.how, a.err, a}
		default:
			n--
			last = a
		}
	}
	if q.end == dead && last != nil { // It failed every time.
		return play{ms: last.ms(), how: failure, err: last.err}
	}
	if ms, ok := w.byKind[q.Task.Kind]; ok {
		return play{ms: max(ms, ran), how: success}
	}
	if was {
		return play{ms: forever, how: success}
	}
	return play{ms: w.all, how: success}
}
