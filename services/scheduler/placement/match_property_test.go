package placement

import (
	"math"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// prefers of random tasks: none, constant, of the class, live, of the task, failing.
var prefers = []string{
	"", "", "", "1", "engine.labels.gpu == 1 ? 2 : 1", "engine.allocatable.mem", "engine.free.slots", "-engine.free.slots", "int(engine.labels.gpu) - size(engine.running.tasks)",
	"task.priority > 4 ? int(engine.labels.gpu) : -int(engine.labels.gpu)", "1 / (int(engine.labels.gpu) - 1)", "engine.used.slots", "-size(engine.running.node_tasks)",
	"engine.node == 'n1' ? 1.5 : 0.5", "engine.id == 'e2' ? 1 : 0", "engine.site == 'us' ? 1u : 2u", "1.0 / double(engine.free.slots)",
}

// what random engines accept.
var conditions = []string{"", "", "", "true", "task.tenant == 'acme'", "task.priority >= 5", "task.id != 't3'", "task.attempt < 2", "task.needs.slots >= 1", "task.needs.mem < 2 || task.kind == 'k2'"}

func (c *chaos) registerRandom(id, incarnation string) {
	c.send(&events.EngineRegistration{Engine: &events.Engine{
		Id: id, Incarnation: incarnation, Pool: blue, Site: "eu", Kinds: [][]string{{"k"}, {"k", "k2"}}[c.draw(2, "kinds")],
		Labels:               map[string]*structpb.Value{"gpu": structpb.NewNumberValue(float64(c.draw(3, "gpu")))},
		Allocatable:          map[string]int64{"slots": int64(c.draw(5, "slots")), "mem": int64(c.draw(40, "mem"))},
		AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
		Accepts:              conditions[c.draw(len(conditions), "accepts")], Node: []string{"", "n1", "n2"}[c.draw(3, "node")],
	}})
}

// measureRandom sends what the engine might measure.
func (c *chaos) measureRandom(id string) {
	used := map[string]int64{}
	for _, dim := range []string{"slots", "mem", "other"} {
		if c.draw(3, "measured") == 0 {
			used[dim] = int64(c.draw(42, "used") - 1)
		}
	}
	e := c.state.pools[blue].engines[id]
	c.beat(e, used)
}

// preferRandom gives a task what the matcher reads beyond its predicate.
func (c *chaos) preferRandom(r *events.TaskRequested) {
	r.Prefer = prefers[c.draw(len(prefers), "prefer")]
	if c.draw(3, "kind") == 0 {
		r.Kind = "k2"
	}
	if c.draw(6, "later") == 0 {
		r.NotBefore = time.UnixMilli(c.now + int64(c.draw(5, "seconds")-1)*1000).UTC().Format(time.RFC3339)
	}
}

// hasRoom judges by what the log says alone.
func hasRoom(t *task, e *engine) bool {
	for _, n := range t.tmpl.shape.needs {
		if n.amount == 0 {
			continue
		}
		d := int(n.dim)
		if d >= len(e.allocatable) || e.allocatable[d] < 0 {
			return false
		}
		reserved := int64(0)
		for u := e.first; u != nil; u = u.attemptNext {
			for _, o := range u.tmpl.shape.needs {
				if o.dim == n.dim {
					reserved += o.amount
				}
			}
		}
		if reserved+n.amount > e.allocatable[d] || e.usedOf(d) >= 0 && n.amount > e.allocatable[d]-e.usedOf(d) {
			return false
		}
	}
	return true
}

// byHand finds what runs on a node by looking at all engines.
type byHand struct {
	evaluation
}

func seenBy(p *pool, t *task, e *engine) *byHand {
	return &byHand{evaluation{pool: p, class: e.class, engine: e, task: askerOf(t)}}
}

// Value implements predicate.Source.
func (b *byHand) Value(a predicate.Attribute) ref.Val {
	if a != predicate.EngineRunningNodeKinds && a != predicate.EngineRunningNodeTasks {
		return b.evaluation.Value(a)
	}
	var list []string
	for _, e := range b.pool.byIndex {
		if e == nil || e != b.engine && (e.registered.Node == "" || e.registered.Node != b.engine.registered.Node) {
			continue
		}
		for t := e.first; t != nil; t = t.attemptNext {
			if a == predicate.EngineRunningNodeKinds {
				list = append(list, t.tmpl.kind)
			} else {
				list = append(list, t.id)
			}
		}
	}
	slices.Sort(list)
	return types.NewStringList(types.DefaultTypeAdapter, slices.Compact(list))
}

// judgeScore: the engine has the highest score of all that could take the task now,
// and are not reserved for one that goes before it.
func (c *chaos) judgeScore(m *events.TaskAssigned, p *pool, t *task, on *engine) {
	prefer, err := c.cfg.Predicates.Prefer(t.tmpl.prefer)
	if err != nil {
		c.t.Fatal(err)
	}
	if prefer == nil {
		if m.Score != nil {
			c.t.Fatalf("%s has no preference, and score %v", m.TaskId, *m.Score)
		}
		return
	}
	score := func(e *engine) float64 {
		s, err := prefer.Score(seenBy(p, t, e))
		if err != nil {
			return math.Inf(-1)
		}
		return s
	}
	given := math.Inf(-1)
	if m.Score != nil {
		given = *m.Score
	}
	if s := score(on); s != given {
		c.t.Fatalf("%s on %s: %q gives %v, the event says %v", m.TaskId, on.id, t.tmpl.prefer, s, given)
	}
	for _, e := range p.byIndex {
		if e != nil && canRun(c.replica, p, t, e) && e.takes(t) && score(e) > given {
			c.t.Fatalf("%s went to %s with score %v, although %s has %v (%s)", m.TaskId, on.id, given, e.id, score(e), t.tmpl.prefer)
		}
	}
}
