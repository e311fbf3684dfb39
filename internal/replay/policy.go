package replay

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// Bounds of a policy.
const (
	maxOverrides    = 1_000
	maxWeight       = 1_000
	maxReserveAfter = 365 * 24 * time.Hour
)

// Policy is what a run changes of the requests and of the pool's settings. What is
// absent is as in the record.
type Policy struct {
	// TenantWeights are the shares of tenants among tasks of equal priority.
	TenantWeights map[string]int32 `json:"tenant_weights"`
	// ReserveAfter is how long a task is passed over before an engine is reserved
	// for it: a duration or "never".
	ReserveAfter string `json:"reserve_after"`
	// Tasks are changed by every override that matches, in order.
	Tasks []Override `json:"tasks"`

	reserveMs int64
}

// Override changes the requests of a kind, of a tenant, or both; all if it names
// neither.
type Override struct {
	Kind   *string `json:"kind"`
	Tenant *string `json:"tenant"`

	Priority *int32 `json:"priority"`
	// Where replaces the predicate, AndWhere adds to it.
	Where    *string `json:"where"`
	AndWhere string  `json:"and_where"`
	Prefer   *string `json:"prefer"`
	// Needs replaces all needs, AndNeeds those that it names.
	Needs    amounts `json:"needs"`
	AndNeeds amounts `json:"and_needs"`
}

// ParsePolicy reads a policy in YAML or JSON, and refuses what the scheduler would.
func ParsePolicy(data []byte) (*Policy, error) {
	p := &Policy{}
	if err := decode(data, p); err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	if len(p.Tasks) > maxOverrides || len(p.TenantWeights) > maxOverrides {
		return nil, fmt.Errorf("policy: more than %d overrides or tenants", maxOverrides)
	}
	for _, tenant := range slices.Sorted(maps.Keys(p.TenantWeights)) {
		if w := p.TenantWeights[tenant]; w < 1 || w > maxWeight {
			return nil, fmt.Errorf("policy: the weight of tenant %q is %d; it goes from 1 to %d", tenant, w, maxWeight)
		}
	}
	switch p.ReserveAfter {
	case "":
	case "never":
		p.reserveMs = -1
	default:
		d, err := events.ParseDuration(p.ReserveAfter)
		if err != nil || d < time.Millisecond || d > maxReserveAfter {
			return nil, fmt.Errorf("policy: reserve_after is %.40q; give a duration such as \"30s\", or \"never\"", p.ReserveAfter)
		}
		p.reserveMs = d.Milliseconds()
	}
	check := request.New(nil)
	for i := range p.Tasks {
		if err := p.Tasks[i].check(check); err != nil {
			return nil, fmt.Errorf("policy: override %d of tasks: %w", i+1, err)
		}
	}
	return p, nil
}

// check lets the scheduler judge a request that is made of nothing but the override.
func (o *Override) check(p *request.Checker) error {
	r := &events.TaskRequested{TaskId: "policy", Kind: "policy", Priority: o.Priority}
	if o.Where != nil {
		r.Predicate = *o.Where
	}
	if o.Prefer != nil {
		r.Prefer = *o.Prefer
	}
	needs := o.Needs.plain()
	if needs == nil {
		needs = make(map[string]int64)
	}
	maps.Copy(needs, o.AndNeeds.plain())
	r.Needs = make(map[string]*structpb.Value, len(needs))
	for name, n := range needs {
		r.Needs[name] = structpb.NewStringValue(strconv.FormatInt(n, 10))
	}
	if _, err := p.Check(r); err != nil {
		return err
	}
	r.Predicate = o.AndWhere
	_, err := p.Check(r)
	return err
}

// settles tells whether the policy replaces the pool's settings.
func (p *Policy) settles() bool {
	return p != nil && (p.TenantWeights != nil || p.reserveMs != 0)
}

func (o *Override) matches(t *events.Task) bool {
	return (o.Kind == nil || *o.Kind == t.Kind) && (o.Tenant == nil || *o.Tenant == t.Tenant)
}

// configure gives the pool the settings of a policy.
func (r *runner) configure(p *Policy) {
	if p.settles() {
		r.emit(&events.PoolConfigured{
			Pool:     string(r.rec.Pool),
			Settings: &events.PoolSettings{TenantWeights: p.TenantWeights, ReserveAfterMs: p.reserveMs},
			AtMs:     r.now,
		})
	}
}

// adapt makes of a recorded task what the policy makes of it. Dependencies on
// tasks that ended before the window, or before what the log holds, are dropped.
func (r *runner) adapt(q *Request, p *Policy) (*events.Task, error) {
	t := q.Task
	out := t
	changed := func() *events.Task {
		if out == t {
			out = proto.Clone(t).(*events.Task)
		}
		return out
	}
	if len(t.After) > 0 {
		changed().After = slices.DeleteFunc(slices.Clone(t.After), func(id string) bool {
			return r.rec.before[id] || !r.rec.ids[id] && len(q.attempts) > 0
		})
	}
	if p != nil {
		for i := range p.Tasks {
			if o := &p.Tasks[i]; o.matches(t) {
				o.change(changed())
			}
		}
	}
	if out != t {
		if _, err := r.predicates.Compile(out.Predicate); err != nil {
			return nil, fmt.Errorf("task %q under this policy: %w", t.Id, err)
		}
		if len(out.Needs) == 1 && out.Needs["slots"] == 1 {
			out.Needs = nil
		}
	}
	return out, nil
}

func (o *Override) change(t *events.Task) {
	if o.Priority != nil {
		t.Priority = *o.Priority
	}
	if o.Where != nil {
		t.Predicate = *o.Where
	}
	switch {
	case o.AndWhere == "":
	case t.Predicate == "":
		t.Predicate = o.AndWhere
	default:
		t.Predicate = "(" + t.Predicate + ") && (" + o.AndWhere + ")"
	}
	if o.Prefer != nil {
		t.Prefer = *o.Prefer
	}
	if o.Needs != nil {
		t.Needs = o.Needs.plain()
	}
	if len(o.AndNeeds) > 0 {
		if len(t.Needs) == 0 {
			t.Needs = map[string]int64{"slots": 1}
		}
		maps.Copy(t.Needs, o.AndNeeds.plain())
	}
}

// likeness is equal for tasks that wait for the same reason.
func likeness(t *events.Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %d %q %q", t.Kind, t.Predicate, t.Tenant, t.Priority, t.Prefer, t.LimitKey)
	for _, name := range slices.Sorted(maps.Keys(t.Needs)) {
		fmt.Fprintf(&b, " %s=%d", name, t.Needs[name])
	}
	if len(t.After) > 0 || strings.Contains(t.Predicate, "task.id") || strings.Contains(t.Predicate, "task.attempt") {
		fmt.Fprintf(&b, " %q", t.Id) // It is like no other.
	}
	return b.String()
}
