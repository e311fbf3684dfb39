package tasks

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
)

// costLimit stops an evaluation that no scheduler would have finished.
const costLimit = 10_000_000

// cached bounds the compiled predicates that are kept.
const cached = 10_000

// errUnseen says that a predicate reads what is not known, because it became so
// before what was seen of the log.
var errUnseen = errors.New("it reads what was before the log begins")

// predicates evaluates predicates in environments of its own: variables whose
// fields are looked up when they are needed. The zero value is ready.
type predicates struct {
	// both are of engine and task; tasks are what engines accept.
	both, tasks programs
}

// programs are compiled predicates over some variables, by their text.
type programs struct {
	env    *cel.Env
	byText map[string]cel.Program
}

// check tells why the predicate of t is not true on e before t runs there; nil
// if it is true.
func (p *predicates) check(w *world, t *task, e *engine) error {
	text := t.spec.GetPredicate()
	if trivial(text) {
		return nil
	}
	program, err := p.both.compile(text, "engine", "task")
	if err != nil {
		return err
	}
	view, err := w.engineView(e, text)
	if err != nil {
		return err
	}
	return eval(program, map[string]any{"engine": view, "task": taskView(t)}, "on the engine")
}

// accepted tells why e does not accept t; nil if it does.
func (p *predicates) accepted(t *task, e *engine) error {
	if trivial(e.accepts) {
		return nil
	}
	program, err := p.tasks.compile(e.accepts, "task")
	if err != nil {
		return err
	}
	return eval(program, map[string]any{"task": taskView(t)}, "of the task")
}

func trivial(text string) bool { return text == "" || text == "true" }

func eval(program cel.Program, vars map[string]any, of string) error {
	result, _, err := program.Eval(vars)
	if err != nil {
		return fmt.Errorf("evaluation ended in an error: %w", err)
	}
	if result.Value() != true {
		return fmt.Errorf("it is %v %s", result.Value(), of)
	}
	return nil
}

func (p *programs) compile(text string, variables ...string) (cel.Program, error) {
	if program, ok := p.byText[text]; ok {
		return program, nil
	}
	if p.env == nil {
		options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
		for _, v := range variables {
			options = append(options, cel.Variable(v, cel.MapType(cel.StringType, cel.DynType)))
		}
		env, err := cel.NewEnv(options...)
		if err != nil {
			return nil, fmt.Errorf("make the environment: %w", err)
		}
		p.env = env
	}
	ast, issues := p.env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	program, err := p.env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return nil, errors.New("it cannot be planned: " + err.Error())
	}
	if len(p.byText) >= cached || p.byText == nil {
		p.byText = map[string]cel.Program{}
	}
	p.byText[text] = program
	return program, nil
}

// engineView is what a predicate sees of an engine. What is costly to make is
// left out where the text cannot possibly look at it.
func (w *world) engineView(e *engine, text string) (map[string]any, error) {
	view := map[string]any{
		"id": e.id, "site": e.site, "pool": e.pool, "node": e.node, "labels": e.labels, "allocatable": e.allocatable,
	}
	computed := strings.Contains(text, "[")
	free, running := computed || strings.Contains(text, "free"), computed || strings.Contains(text, "running")
	node := running && strings.Contains(text, "node_")
	if e.blind > 0 && (free || running) || w.partial && node {
		return nil, errUnseen
	}
	if computed || strings.Contains(text, "used") {
		view["used"] = e.seenUsed()
	}
	if free {
		free := maps.Clone(e.allocatable)
		for dimension := range free {
			free[dimension] -= e.reserved[dimension]
		}
		view["free"] = free
	}
	if running {
		fields := map[string]any{"kinds": kindsOf(e.running), "tasks": slices.Sorted(maps.Keys(e.running))}
		if node {
			all := w.onNode(e)
			fields["node_kinds"], fields["node_tasks"] = kindsOf(all), slices.Sorted(maps.Keys(all))
		}
		view["running"] = fields
	}
	return view, nil
}

// onNode are the tasks that run on the node of an engine, wherever on it.
func (w *world) onNode(e *engine) map[string]*task {
	if e.node == "" {
		return e.running
	}
	all := map[string]*task{}
	for other := range w.nodes[name{e.pool, e.node}] {
		maps.Copy(all, other.running)
	}
	return all
}

// seenUsed is what is measured as used, of what the engine has.
func (e *engine) seenUsed() map[string]int64 {
	used := map[string]int64{}
	for dimension, n := range e.used {
		if _, ok := e.allocatable[dimension]; ok {
			used[dimension] = n
		}
	}
	return used
}

func kindsOf(tasks map[string]*task) []string {
	kinds := []string{}
	for _, t := range tasks {
		kinds = append(kinds, t.spec.GetKind())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func taskView(t *task) map[string]any {
	return map[string]any{
		"id": t.id, "kind": t.spec.GetKind(), "pool": t.pool, "priority": int64(t.spec.GetPriority()),
		"tenant": t.spec.GetTenant(), "needs": t.needs, "attempt": int64(t.attempt),
	}
}

// plain turns the numbers of a label into the integers that they are.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}
