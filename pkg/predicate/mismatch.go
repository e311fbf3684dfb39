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

// comparing is a comparison of a label with values of one kind.
type comparing struct {
	label Named
	kind  string
}

func comparison(e ast.Expr) (c comparing, ok bool) {
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
func compared(e ast.Expr, kind string) (comparing, bool) {
	n, ok := named(e)
	return comparing{n, kind}, ok && n.Of == EngineLabels && kind != ""
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

// Mismatches says why a predicate can be true of no engine, because it compares labels
// with values of another kind than every engine that has the label: engine.labels.gpu > "2",
// or calls what only strings have. That something is not equal needs no kind. kinds tells of
// which kinds a label is on the engines that have it, none if no engine does. It is empty
// for a predicate that may be true, and for what is no predicate.
func Mismatches(text string, kinds func(label string) []string) []string {
	p, err := Compile(text)
	if err != nil || p.program == nil {
		return nil
	}
	checked, issues := asks.environment().Compile(text)
	if issues.Err() != nil {
		return nil
	}
	return mismatches(checked.NativeRep().Expr(), kinds)
}

// mismatches says why an expression can never be true; empty if it may be. What stands
// below ! is true where that is not.
func mismatches(e ast.Expr, kinds func(label string) []string) (out []string) {
	if c, ok := comparison(e); ok {
		if found := kinds(c.label.Key); len(found) == 1 && found[0] != c.kind {
			return []string{fmt.Sprintf("%s is compared with %s; on every engine that has it, it is %s", c.label, c.kind, found[0])}
		}
	}
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	join := call.FunctionName()
	if join != operators.LogicalAnd && join != operators.LogicalOr {
		return nil
	}
	for _, part := range call.Args() {
		why := mismatches(part, kinds)
		if join == operators.LogicalOr && len(why) == 0 {
			return nil
		}
		for _, w := range why {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}
