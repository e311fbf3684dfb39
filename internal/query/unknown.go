package query

import (
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/predicate"
)

// Unknown lists the labels and dimensions that a predicate names and that no
// engine has of those which are ready or draining: perhaps they are misspelt,
// perhaps the engine that has them is still to come. It is empty where there is no
// such engine to compare with, and for what is no predicate.
func Unknown(text string, engines []*Engine) []string {
	names, err := predicate.Names(text)
	if err != nil {
		return nil
	}
	var out []string
	for _, n := range names {
		compared, found := false, false
		for _, e := range engines {
			if e.State == EngineReady || e.State == EngineDraining {
				compared = true
				found = found || has(e, n)
			}
		}
		if compared && !found {
			out = append(out, n.String())
		}
	}
	return out
}

// Mismatched says which comparisons of labels a predicate makes that can be true of no
// engine, of those which are ready or draining, as predicate.Mismatches does.
func Mismatched(text string, engines []*Engine) []string {
	return predicate.Mismatches(text, func(label string) (kinds []string) {
		for _, e := range engines {
			raw, ok := e.Labels[label]
			if !ok || e.State != EngineReady && e.State != EngineDraining {
				continue
			}
			value, err := structpb.NewValue(raw)
			if err != nil {
				continue
			}
			if v, err := predicate.FromLabel(value); err == nil && !slices.Contains(kinds, predicate.KindOf(v)) {
				kinds = append(kinds, predicate.KindOf(v))
			}
		}
		return kinds
	})
}

func has(e *Engine, n predicate.Named) bool {
	if n.Of == predicate.EngineLabels {
		_, ok := e.Labels[n.Key]
		return ok
	}
	_, ok := e.Allocatable[n.Key]
	return ok
}
