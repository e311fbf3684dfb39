package predicate

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Kinds of labels. Values of different kinds are never equal, and neither is less.
const (
	KindString  = "a string"
	KindNumber  = "a number"
	KindBoolean = "a Boolean"
	KindList    = "a list"
)

// KindOf tells of which kind a value is; empty if it is none of a label.
func KindOf(v ref.Val) string {
	switch v.Type() {
	case types.StringType:
		return KindString
	case types.IntType, types.UintType, types.DoubleType:
		return KindNumber
	case types.BoolType:
		return KindBoolean
	case types.ListType:
		return KindList
	}
	return ""
}

// Comparison is of a label with values of one kind.
type Comparison struct {
	Label Named
	Kind  string
}

// Comparisons lists what the text of a predicate compares labels with, where it says so:
// engine.labels.gpu > "2", and calls that only strings have. That something is not equal
// needs no kind. The errors are those of Compile.
func Comparisons(text string) ([]Comparison, error) {
	p, err := Compile(text)
	if err != nil || p.program == nil {
		return nil, err
	}
	checked, issues := asks.environment().Compile(text)
	if issues.Err() != nil {
		return nil, asks.refusal(issues)
	}
	var out []Comparison
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if c, ok := comparison(e); ok && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}))
	return out, nil
}

func comparison(e ast.Expr) (c Comparison, ok bool) {
	if e.Kind() != ast.CallKind {
		return c, false
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Matches:
		if call.IsMemberFunction() {
			return compared(call.Target(), KindString)
		}
	case operators.In:
		if c, ok = compared(args[1], KindList); ok {
			return c, true
		}
		if args[1].Kind() == ast.ListKind && args[1].AsList().Size() > 0 { // All items are of one kind.
			return compared(args[0], kindOf(args[1].AsList().Elements()[0]))
		}
	case operators.Equals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if c, ok = compared(args[0], kindOf(args[1])); ok {
			return c, true
		}
		return compared(args[1], kindOf(args[0]))
	}
	return c, false
}

// compared is the comparison of e, if that is a label, with a kind, if that is known.
func compared(e ast.Expr, kind string) (Comparison, bool) {
	n, ok := named(e)
	return Comparison{n, kind}, ok && n.Of == EngineLabels && kind != ""
}

func kindOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.LiteralKind:
		return KindOf(e.AsLiteral())
	case ast.ListKind:
		return KindList
	}
	return ""
}

// Mismatches says of each comparison of a predicate that cannot be true, because every
// engine that has the label has one of another kind. kinds tells of which kinds a label is
// on the engines that have it, none if no engine does. It is empty for what is no predicate.
func Mismatches(text string, kinds func(label string) []string) (out []string) {
	comparisons, err := Comparisons(text)
	if err != nil {
		return nil
	}
	for _, c := range comparisons {
		if found := kinds(c.Label.Key); len(found) == 1 && found[0] != c.Kind {
			out = append(out, fmt.Sprintf("%s is compared with %s; on every engine that has it, it is %s", c.Label, c.Kind, found[0]))
		}
	}
	return out
}
