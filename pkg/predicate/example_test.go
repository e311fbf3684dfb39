package predicate_test

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanway/spanway/pkg/predicate"
)

// A program that writes predicates checks them before it submits a task: the
// refusal is the one that a scheduler would give.
func ExampleCompile() {
	for _, text := range []string{
		`engine.labels.gpu >= 1 && engine.free.memory > 2 * task.needs.memory`,
		`engine.label.gpu >= 1`,
		`engine.labels.gpu`,
	} {
		if _, err := predicate.Compile(text); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("ok")
	}
	names, _ := predicate.Names(`engine.labels.gpu >= 1 && "eu" == engine.site`)
	fmt.Println(names)
	// Output:
	// ok
	// BAD_PREDICATE: line 1, column 13: undeclared reference to 'engine.label.gpu' (did you mean 'engine.labels'?)
	// BAD_PREDICATE: line 1, column 1: the result is of any type, not bool; compare it with something, as in engine.labels.loud == true
	// [engine.labels.gpu]
}

// engine shows one engine to predicates.
type engine struct {
	site   string
	labels labels
}

func (e engine) Value(a predicate.Attribute) ref.Val {
	switch a {
	case predicate.EngineSite:
		return types.String(e.site)
	case predicate.EngineLabels:
		return predicate.Map(e.labels)
	}
	return types.NewErr("this engine shows no other attribute")
}

type labels map[string]ref.Val

func (l labels) Find(name string) (ref.Val, bool) { v, ok := l[name]; return v, ok }

func (l labels) Names() []string { return slices.Sorted(maps.Keys(l)) }

// A predicate is evaluated over whatever shows the attributes that it reads.
func ExamplePredicate_Eval() {
	p, err := predicate.Compile(`engine.site == "ams" && engine.labels.gpu >= 1`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Eval(engine{"ams", labels{"gpu": types.Int(2)}}))
	fmt.Println(p.Eval(engine{"fra", labels{"gpu": types.Int(2)}}))
	fmt.Println(p.Eval(engine{"ams", labels{}}))
	// Output:
	// true <nil>
	// false <nil>
	// false no such key: gpu
}
