package fleet

import (
	"github.com/spanway/spanway/pkg/events"
)

// fleetMemory is what each engine has, besides slots.
const fleetMemory = 100

// rule is a condition as it is asked for, and what it means.
type rule struct {
	text  string
	holds func(r *recount, t *errand, e *station) bool
}

// fleetConditions are what tasks ask of engines. Each is true on the first engine
// once that is idle.
var fleetConditions = []rule{
	{"", func(*recount, *errand, *station) bool { return true }},
	{`engine.labels.disk == "ssd"`, func(_ *recount, _ *errand, e *station) bool { return e.spec.Labels["disk"].GetStringValue() == "ssd" }},
	{`engine.labels.gpu >= 1`, func(_ *recount, _ *errand, e *station) bool { return e.spec.Labels["gpu"].GetNumberValue() >= 1 }},
	{`engine.node != "host-b"`, func(_ *recount, _ *errand, e *station) bool { return e.spec.Node != "host-b" }},
	{`task.attempt < 100`, func(_ *recount, t *errand, _ *station) bool { return t.attempt < 100 }},
	{`engine.free.slots >= 2`, func(_ *recount, _ *errand, e *station) bool { return e.free("slots") >= 2 }},
	{`size(engine.running.tasks) < 2`, func(_ *recount, _ *errand, e *station) bool { return len(e.running) < 2 }},
	{`!("solo" in engine.running.node_kinds)`, func(r *recount, _ *errand, e *station) bool {
		return !r.onNode(e, func(t *errand) bool { return t.Kind == "solo" })
	}},
	{`!("task-3" in engine.running.node_tasks)`, func(r *recount, _ *errand, e *station) bool {
		return !r.onNode(e, func(t *errand) bool { return t.Id == "task-3" })
	}},
	{`!has(engine.used.memory) || engine.used.memory <= 50`, func(_ *recount, _ *errand, e *station) bool { return e.used["memory"] <= 50 }},
}

// unchanging is how many of the first conditions read nothing that changes of an
// engine: only for such tasks engines are reserved.
const unchanging = 4

// fleetAccepts is what engines ask of tasks.
var fleetAccepts = []rule{
	{"", func(*recount, *errand, *station) bool { return true }},
	{`task.priority < 8 && task.tenant != "red"`, func(_ *recount, t *errand, _ *station) bool { return t.Priority < 8 && t.Tenant != "red" }},
	{`task.needs.slots < 2 || task.kind == "solo"`, func(_ *recount, t *errand, _ *station) bool {
		slots, asked := t.needs()["slots"] // Without it the left side is an error.
		return asked && slots < 2 || t.Kind == "solo"
	}},
	{`task.attempt > 1`, func(_ *recount, t *errand, _ *station) bool { return t.attempt > 1 }},
}

// preference is one as it is asked for, and its score; none if that is an error.
type preference struct {
	text  string
	score func(r *recount, e *station) (score float64, ok bool)
}

var fleetPreferences = []preference{
	{`int(engine.labels.speed)`, func(_ *recount, e *station) (float64, bool) { return e.spec.Labels["speed"].GetNumberValue(), true }},
	{`int(engine.labels.rank)`, func(_ *recount, e *station) (float64, bool) {
		rank, ok := e.spec.Labels["rank"]
		return rank.GetNumberValue(), ok
	}},
	{`engine.free.slots`, func(_ *recount, e *station) (float64, bool) { return float64(e.free("slots")), true }},
	{`has(engine.used.memory) ? -engine.used.memory : 0`, func(_ *recount, e *station) (float64, bool) { return -float64(e.used["memory"]), true }},
	{`-size(engine.running.node_tasks)`, func(r *recount, e *station) (float64, bool) {
		n := 0.0
		r.onNode(e, func(*errand) bool { n++; return false })
		return -n, true
	}},
}

func holds(rules []rule, text string, r *recount, t *errand, e *station) bool {
	for _, rule := range rules {
		if rule.text == text {
			return rule.holds(r, t, e)
		}
	}
	panic("no meaning is known of " + text) // A mistake in this file.
}

// errand is a task as the log shows it.
type errand struct {
	*events.Task
	acceptedMs int64
	attempt    int32    // the number of the newest attempt
	on         *station // where it runs
	holds      *station // what is reserved for it
	ended      string   // how
	reason     string   // why it was cancelled
	doomed     bool     // a task that it comes after ended without success
}

func (t *errand) needs() map[string]int64 {
	if len(t.Task.Needs) == 0 {
		return map[string]int64{"slots": 1}
	}
	return t.Task.Needs
}

// station is an engine as the log shows it.
type station struct {
	spec     *events.Engine
	gone     bool
	draining bool
	used     map[string]int64
	running  map[string]*errand
	heldFor  *errand
}

func (e *station) ready() bool { return !e.gone && !e.draining }

func (e *station) free(dimension string) int64 {
	free := e.spec.Allocatable[dimension]
	for _, t := range e.running {
		free -= t.needs()[dimension]
	}
	return free
}

// fits tells whether e has what t needs, by reservations and by measurement.
func (e *station) fits(t *errand) bool {
	for dimension, need := range t.needs() {
		if need > e.free(dimension) || need > e.spec.Allocatable[dimension]-e.used[dimension] {
			return false
		}
	}
	return true
}

// onNode looks for a task that runs on the host of e.
func (r *recount) onNode(e *station, wanted func(t *errand) bool) bool {
	for _, o := range r.engines {
		if o != e && (o.gone || e.spec.Node == "" || o.spec.Node != e.spec.Node) {
			continue
		}
		for _, t := range o.running {
			if wanted(t) {
				return true
			}
		}
	}
	return false
}
