package predicate

import (
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// Sizes that attributes have at most, for the bound of an evaluation's cost.
// More tasks may run on an engine than counted here; then the limit at run time
// ends the evaluation.
const (
	maxStringSize = 256
	maxListSize   = 64
	maxRunning    = 1_000
)

// sizes tells CEL's cost estimation how large attributes can be.
type sizes struct{}

func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	path := node.Path()
	if len(path) == 0 {
		return nil
	}
	limit := uint64(maxListSize)
	switch {
	case len(path) == 1 && strings.HasPrefix(path[0], "engine.running."):
		limit = maxRunning
	case node.Type().Kind() == types.StringKind, node.Type().Kind() == types.DynKind:
		limit = maxStringSize
	}
	return &cost.SizeEstimate{Min: 0, Max: limit}
}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
