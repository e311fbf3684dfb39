package placement

import (
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"

	"github.com/spanway/spanway/pkg/predicate"
)

// explainNever says what of the predicate can be true of no engine that there is: a label
// that is compared with a value of another kind, or else an error in which every
// evaluation ended.
func (ex *explainer) explainNever() {
	ex.x.Never = predicate.Mismatches(ex.t.tmpl.predicate, ex.kinds)
	if len(ex.x.Never) > 0 {
		return
	}
	failed := ""
	for _, f := range ex.x.Engines {
		switch {
		case f.Result == FindLost || f.Result == FindDraining || f.Result == FindKind:
		case f.Result != FindPredicate || f.Error == "" || ex.known == 0 || failed != "" && f.Error != failed:
			return
		default:
			failed = f.Error
		}
	}
	if failed != "" {
		ex.x.Never = []string{"on every engine its evaluation ends in an error: " + failed}
	}
}

// kinds are those of a label, over the engines that have it.
func (ex *explainer) kinds(label string) (kinds []string) {
	for _, e := range ex.p.byIndex {
		if e == nil {
			continue
		}
		labels, ok := e.class.labels.(traits.Mapper)
		if !ok {
			continue
		}
		if v, ok := labels.Find(types.String(label)); ok {
			if kind := predicate.KindOf(v); !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}
