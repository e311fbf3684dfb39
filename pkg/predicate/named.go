package predicate

import (
	"fmt"
	"regexp"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Named is a label or a dimension of engines that a predicate names.
type Named struct {
	// Of is EngineLabels, EngineAllocatable, EngineFree or EngineUsed.
	Of  Attribute
	Key string
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*$`)

// String writes it as a predicate does.
func (n Named) String() string {
	if identifier.MatchString(n.Key) {
		return declared[n.Of].name + "." + n.Key
	}
	return fmt.Sprintf("%s[%q]", declared[n.Of].name, n.Key)
}

// Names lists the labels and dimensions of engines that the text of a predicate
// names, each once, whether it compares them or only asks if they are there. The
// errors are those of Compile.
func Names(text string) ([]Named, error) {
	p, err := Compile(text)
	if err != nil || p.program == nil {
		return nil, err
	}
	checked, issues := asks.environment().Compile(text)
	if issues.Err() != nil {
		return nil, asks.refusal(issues)
	}
	var out []Named
	known := map[Named]bool{}
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if n, ok := named(e); ok && !known[n] {
			known[n] = true
			out = append(out, n)
		}
	}))
	return out, nil
}

// named reads engine.labels.a, engine.labels["a"], has(engine.labels.a) and
// "a" in engine.labels.
func named(e ast.Expr) (Named, bool) {
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		of, ok := ofEngine(s.Operand())
		return Named{of, s.FieldName()}, ok
	case ast.CallKind:
		c := e.AsCall()
		args := c.Args()
		if len(args) != 2 {
			return Named{}, false
		}
		whole, key := args[0], args[1]
		switch c.FunctionName() {
		case operators.In:
			whole, key = key, whole
		case operators.Index:
		default:
			return Named{}, false
		}
		of, ok := ofEngine(whole)
		if !ok || key.Kind() != ast.LiteralKind {
			return Named{}, false
		}
		text, ok := key.AsLiteral().(types.String)
		return Named{of, string(text)}, ok
	}
	return Named{}, false
}

// ofEngine tells which map of an engine's attributes e is, if it is one.
func ofEngine(e ast.Expr) (Attribute, bool) {
	if e.Kind() != ast.IdentKind {
		return 0, false
	}
	a, ok := attributeNamed(e.AsIdent())
	return a, ok && (a == EngineLabels || a == EngineAllocatable || a == EngineFree || a == EngineUsed)
}
