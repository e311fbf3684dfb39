package query

import (
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

func has(e *Engine, n predicate.Named) bool {
	if n.Of == predicate.EngineLabels {
		_, ok := e.Labels[n.Key]
		return ok
	}
	_, ok := e.Allocatable[n.Key]
	return ok
}
