package verify

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
const cached = 1000

// predicates evaluates predicates in an environment of its own: two variables
// whose fields are looked up when they are needed. The zero value is ready.
type predicates struct {
	env      *cel.Env
	programs map[string]cel.Program
}

// check tells why the predicate of t is not true on e before t runs there; nil
// if it is true.
func (p *predicates) check(t *task, e *engine) error {
	text := t.spec.GetPredicate()
	if text == "" || text == "true" {
		return nil
	}
	program, err := p.compile(text)
	if err != nil {
		return err
	}
	result, _, err := program.Eval(map[string]any{"engine": engineView(e, text), "task": taskView(t)})
	if err != nil {
		return fmt.Errorf("evaluation ended in an error: %w", err)
	}
	if result.Value() != true {
		return fmt.Errorf("it is %v on the engine", result.Value())
	}
	return nil
}

func (p *predicates) compile(text string) (cel.Program, error) {
	if program, ok := p.programs[text]; ok {
		return program, nil
	}
	if p.env == nil {
		fields := cel.MapType(cel.StringType, cel.DynType)
		env, err := cel.NewEnv(
			cel.Variable("engine", fields), cel.Variable("task", fields), cel.CrossTypeNumericComparisons(true))
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
	if len(p.programs) >= cached || p.programs == nil {
		p.programs = map[string]cel.Program{}
	}
	p.programs[text] = program
	return program, nil
}

// engineView is what a predicate sees of an engine. What is costly to make is
// left out where the text cannot possibly look at it.
func engineView(e *engine, text string) map[string]any {
	view := map[string]any{
		"id": e.id, "site": e.site, "pool": e.pool, "labels": e.labels, "allocatable": e.allocatable,
	}
	computed := strings.Contains(text, "[")
	if computed || strings.Contains(text, "free") {
		free := maps.Clone(e.allocatable)
		for dimension := range free {
			free[dimension] -= e.reserved[dimension]
		}
		view["free"] = free
	}
	if computed || strings.Contains(text, "running") {
		kinds := []string{}
		for _, t := range e.running {
			kinds = append(kinds, t.spec.GetKind())
		}
		slices.Sort(kinds)
		view["running"] = map[string]any{
			"kinds": slices.Compact(kinds), "tasks": slices.Sorted(maps.Keys(e.running)),
		}
	}
	return view
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
