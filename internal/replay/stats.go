package replay

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/spanway/spanway/services/scheduler/placement"
)

// Side is what one run, or the record, made of the requests. Times are in
// milliseconds.
type Side struct {
	Tasks     int `json:"tasks"`
	Placed    int `json:"placed"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Dead      int `json:"dead"`
	Expired   int `json:"expired"`
	Cancelled int `json:"cancelled"`
	Running   int `json:"running"`
	// Waiting are those that wait at the end, and in a run would for ever.
	Waiting    int  `json:"waiting"`
	Placements int  `json:"placements"`
	Wait       Wait `json:"wait"`
	// MakespanMs is from the beginning of the record (FromMs of the recording) to the last end of a task.
	MakespanMs int64         `json:"makespan_ms"`
	Engines    []Engine      `json:"engines"`
	Tenants    []Group       `json:"tenants"`
	Priorities []Group       `json:"priorities"`
	Kinds      []Group       `json:"kinds"`
	Unplaced   []Unplaceable `json:"unplaceable"`
}

// Wait is how long tasks waited for their first placement since they could have
// been placed: the nearest ranks, of those that were placed.
type Wait struct {
	P50Ms int64 `json:"p50_ms"`
	P95Ms int64 `json:"p95_ms"`
	P99Ms int64 `json:"p99_ms"`
	MaxMs int64 `json:"max_ms"`
}

// Group is the tasks that have something in common.
type Group struct {
	Name   string `json:"name"`
	Tasks  int    `json:"tasks"`
	Placed int    `json:"placed"`
	Wait   Wait   `json:"wait"`
}

// Engine is how many attempts an engine was given.
type Engine struct {
	ID         string `json:"id"`
	Placements int    `json:"placements"`
}

// Unplaceable is why tasks wait at the end.
type Unplaceable struct {
	Reason placement.Reason `json:"reason"`
	Tasks  int              `json:"tasks"`
	// Examples are the IDs of the first of them.
	Examples []string `json:"examples"`
}

// maxExamples bounds the examples of a reason.
const maxExamples = 5

// side adds an outcome up.
func (o *Outcome) side() Side {
	s := Side{
		Tasks: len(o.tasks), Engines: make([]Engine, 0, len(o.engines)), Unplaced: []Unplaceable{},
		Tenants: o.groups(func(t *result) string { return t.task.Tenant }), Kinds: o.groups(func(t *result) string { return t.task.Kind }),
		Priorities: o.groups(func(t *result) string { return strconv.Itoa(int(t.task.Priority)) }),
	}
	byReason := make(map[placement.Reason]int)
	var waits []int64
	for i := range o.tasks {
		t := &o.tasks[i]
		s.Placements += t.placements
		if t.firstMs >= 0 {
			s.Placed++
			waits = append(waits, t.waitMs())
		}
		if t.end > running {
			s.MakespanMs = max(s.MakespanMs, t.endMs-o.startMs)
		}
		*s.counter(t.end)++
		if t.end == pending && t.reason != "" {
			s.unplaced(byReason, t)
		}
	}
	s.Wait = waitOf(waits)
	for _, id := range slices.Sorted(maps.Keys(o.engines)) {
		s.Engines = append(s.Engines, Engine{id, o.engines[id]})
	}
	slices.SortStableFunc(s.Unplaced, func(a, b Unplaceable) int {
		return cmp.Or(cmp.Compare(b.Tasks, a.Tasks), cmp.Compare(a.Reason, b.Reason))
	})
	return s
}

func (t *result) waitMs() int64 { return max(t.firstMs-t.readyMs, 0) }

func (s *Side) counter(e end) *int {
	return [...]*int{&s.Waiting, &s.Running, &s.Succeeded, &s.Failed, &s.Dead, &s.Expired, &s.Cancelled}[e]
}

func (s *Side) unplaced(byReason map[placement.Reason]int, t *result) {
	i, known := byReason[t.reason]
	if !known {
		i = len(s.Unplaced)
		byReason[t.reason] = i
		s.Unplaced = append(s.Unplaced, Unplaceable{Reason: t.reason, Examples: []string{}})
	}
	u := &s.Unplaced[i]
	if u.Tasks++; len(u.Examples) < maxExamples {
		u.Examples = append(u.Examples, t.task.Id)
	}
}

func (o *Outcome) groups(of func(*result) string) []Group {
	byName := make(map[string]*Group)
	waits := make(map[string][]int64)
	for i := range o.tasks {
		t := &o.tasks[i]
		name := of(t)
		g := byName[name]
		if g == nil {
			g = &Group{Name: name}
			byName[name] = g
		}
		g.Tasks++
		if t.firstMs >= 0 {
			g.Placed++
			waits[name] = append(waits[name], t.waitMs())
		}
	}
	out := make([]Group, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		g := byName[name]
		g.Wait = waitOf(waits[name])
		out = append(out, *g)
	}
	return out
}

func waitOf(ms []int64) Wait {
	if len(ms) == 0 {
		return Wait{}
	}
	slices.Sort(ms)
	rank := func(percent int) int64 { return ms[max((len(ms)*percent+99)/100-1, 0)] }
	return Wait{rank(50), rank(95), rank(99), ms[len(ms)-1]}
}
