package predicate

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/spanway/spanway/pkg/events"
)

// Limits of a predicate.
const (
	// MaxBytes of text.
	MaxBytes = 2 << 10
	// MaxNesting of brackets, prefix operators and conditionals together.
	MaxNesting = 24
	// MaxCost of one evaluation, in CEL's cost units.
	MaxCost = 100_000

	maxNodes     = 2_000
	maxRegexSize = 1_000
)

// language is what an expression may read, what it must give, and how its
// refusals are called.
type language struct {
	noun string
	bad  events.Code
	// attributes that can be read.
	reads func(Attribute) bool
	// environment is built once, at first use, and only read afterwards.
	environment func() *cel.Env
	// gives tells whether a result of that type will do; wanted says what else.
	gives  func(*cel.Type) bool
	wanted string
}

// The languages: what tasks ask of engines, what engines ask of tasks, and what
// tasks like of engines.
var (
	asks    = newLanguage("predicate", events.CodeBadPredicate, anything, isBool, wantBool)
	accepts = newLanguage("accepts", events.CodeBadPredicate, Attribute.ofTask, isBool, wantBool)
	prefers = newLanguage("prefer", events.CodeBadPrefer, anything, isNumber,
		"not a number; make it one, as in engine.labels.gpu == 2 ? 1 : 0, or int(engine.labels.speed)")
)

const wantBool = "not bool; compare it with something, as in engine.labels.loud == true"

func anything(Attribute) bool { return true }

func isBool(t *cel.Type) bool { return t == cel.BoolType }

func isNumber(t *cel.Type) bool { return t == cel.IntType || t == cel.UintType || t == cel.DoubleType }

func newLanguage(noun string, bad events.Code, reads func(Attribute) bool, gives func(*cel.Type) bool, wanted string) *language {
	l := &language{noun: noun, bad: bad, reads: reads, gives: gives, wanted: wanted}
	l.environment = sync.OnceValue(func() *cel.Env {
		options := []cel.EnvOption{
			cel.CrossTypeNumericComparisons(true),
			cel.HomogeneousAggregateLiterals(),
			cel.ParserRecursionLimit(2 * MaxNesting),
			cel.ParserExpressionSizeLimit(MaxBytes),
			cel.ParserErrorRecoveryLimit(4),
			cel.ExpressionNodeLimit(maxNodes),
			cel.RegexProgramSizeLimit(maxRegexSize),
		}
		for a, d := range declared {
			if reads(Attribute(a)) {
				options = append(options, cel.Variable(d.name, d.typ))
			}
		}
		env, err := cel.NewEnv(options...)
		if err != nil {
			panic(fmt.Sprintf("predicate environment: %v", err)) // Depends on no input: fails in every test or never.
		}
		return env
	})
	return l
}

// Compile makes a predicate of its text; empty text is true. A refusal is a
// *events.Malformed with BAD_PREDICATE, PREDICATE_TOO_COSTLY or TOO_LARGE. It is
// pure, and returns for any text.
func Compile(text string) (*Predicate, error) { return compilePredicate(asks, text) }

// CompileAccepts makes a predicate over the task alone; anything of an engine is
// refused. Else it is as Compile.
func CompileAccepts(text string) (*Predicate, error) { return compilePredicate(accepts, text) }

// CompilePrefer makes a preference of its text; it is nil for empty text. A
// refusal is as of Compile, with BAD_PREFER for BAD_PREDICATE.
func CompilePrefer(text string) (*Preference, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	e, err := prefers.compile(text)
	if err != nil {
		return nil, err
	}
	return &Preference{e}, nil
}

func compilePredicate(l *language, text string) (*Predicate, error) {
	if t := strings.TrimSpace(text); t == "" || t == "true" {
		return always, nil
	}
	e, err := l.compile(text)
	if err != nil {
		return nil, err
	}
	return &Predicate{expression: e}, nil
}

func (l *language) compile(text string) (expression, error) {
	if err := l.checkText(text); err != nil {
		return expression{}, err
	}
	checked, issues := l.environment().Compile(text)
	if issues.Err() != nil {
		return expression{}, l.refusal(issues)
	}
	if t := checked.OutputType(); !l.gives(t) {
		of := t.String()
		if t == cel.DynType {
			of = "of any type"
		}
		wanted := l.wanted
		if wanted == wantBool && isNumber(t) {
			wanted = "not bool; compare it with a number, as in engine.free.slots >= 1"
		}
		return expression{}, events.Refuse(l.bad, "line 1, column 1: the result is %s, %s", of, wanted)
	}
	in, err := l.inspect(checked)
	if err != nil {
		return expression{}, err
	}
	program, err := l.environment().Program(checked, programOptions(in)...)
	if err != nil {
		return expression{}, events.Refuse(l.bad, "line 1, column 1: %v", err)
	}
	return expression{text: text, reads: in.reads, program: program}, nil
}

// programOptions limits the cost at run time where the text alone does not.
func programOptions(in inspection) []cel.ProgramOption {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if in.comprehensions > 0 {
		options = append(options, cel.CostLimit(MaxCost))
	}
	return options
}

func (l *language) checkText(text string) error {
	if len(text) > MaxBytes {
		return events.Refuse(events.CodeTooLarge, "%s has %d bytes; at most %d are allowed", l.noun, len(text), MaxBytes)
	}
	if !utf8.ValidString(text) {
		return events.Refuse(l.bad, "line 1, column 1: the text is not valid UTF-8")
	}
	if n := nesting(text); n > MaxNesting {
		return events.Refuse(events.CodePredicateTooCostly, "nested %d deep; at most %d are allowed", n, MaxNesting)
	}
	return nil
}

// refusal tells the first error with its place.
func (l *language) refusal(issues *cel.Issues) error {
	errs := issues.Errors()
	if len(errs) == 0 {
		return events.Refuse(l.bad, "line 1, column 1: %v", issues.Err())
	}
	first := errs[0]
	if strings.Contains(first.Message, "max recursion depth") {
		return events.Refuse(events.CodePredicateTooCostly,
			"a chain of more than %d operators or selections; shorten it, or join its parts by && or ||", 2*MaxNesting)
	}
	line, column := max(first.Location.Line(), 1), max(first.Location.Column()+1, 1)
	message := strings.ReplaceAll(first.Message, " (in container '')", "")
	if len(message) > 300 {
		message = strings.ToValidUTF8(message[:300], "") + "..."
	}
	return events.Refuse(l.bad, "line %d, column %d: %s", line, column, message+l.hint(message))
}

// hint is what to write instead, where the message of CEL is that of a common mistake.
func (l *language) hint(message string) string {
	const undeclared = "undeclared reference to '"
	if _, rest, ok := strings.Cut(message, undeclared); ok {
		name, _, _ := strings.Cut(rest, "'")
		if name == "engine" || name == "task" {
			return "; the attributes are " + l.attributeNames()
		}
		if strings.Contains(name, ".") || strings.Contains(rest, "did you mean") {
			return ""
		}
		return fmt.Sprintf("; if it is text, write it in quotes: %q", name)
	}
	_, token, ok := strings.Cut(message, "token recognition error at: '")
	switch {
	case !ok:
	case strings.HasPrefix(token, "=>"):
		return "; at least is written >="
	case strings.HasPrefix(token, "="):
		return "; equal is written =="
	case strings.HasPrefix(token, "&"):
		return "; and is written &&"
	case strings.HasPrefix(token, "|"):
		return "; or is written ||"
	}
	return ""
}

func (l *language) attributeNames() string {
	var names []string
	for a, d := range declared {
		if l.reads(Attribute(a)) {
			names = append(names, d.name)
		}
	}
	return strings.Join(names, ", ")
}

// inspection is what the checked tree says of a predicate.
type inspection struct {
	reads          Reads
	comprehensions int
	bad            events.Code
	err            error
}

func (l *language) inspect(checked *cel.Ast) (inspection, error) {
	in := inspection{bad: l.bad}
	tree := checked.NativeRep()
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if in.err == nil {
			in.visit(tree, e)
		}
	}))
	if in.err != nil {
		return in, in.err
	}
	for _, r := range tree.ReferenceMap() {
		if a, ok := attributeNamed(r.Name); ok {
			in.reads |= 1 << a
		}
	}
	estimate, err := l.environment().EstimateCost(checked, sizes{})
	if err != nil {
		return in, events.Refuse(events.CodePredicateTooCostly, "its cost cannot be bounded: %v", err)
	}
	if estimate.Max > MaxCost {
		return in, events.Refuse(events.CodePredicateTooCostly,
			"one evaluation may cost %d; at most %d are allowed", estimate.Max, MaxCost)
	}
	return in, nil
}

func (in *inspection) visit(tree *ast.AST, e ast.Expr) {
	switch e.Kind() {
	case ast.ComprehensionKind:
		in.comprehensions++
		in.err = in.checkComprehension(tree, e.AsComprehension())
	case ast.CallKind:
		name := e.AsCall().FunctionName()
		if name == "dyn" || strings.HasPrefix(name, "get") {
			at := tree.SourceInfo().GetStartLocation(e.ID())
			in.err = events.Refuse(in.bad,
				"line %d, column %d: %s() is not supported here", at.Line(), at.Column()+1, name)
		}
	}
}

// checkComprehension refuses what has no fixed order or no small bound.
func (in *inspection) checkComprehension(tree *ast.AST, c ast.ComprehensionExpr) error {
	at := tree.SourceInfo().GetStartLocation(c.IterRange().ID())
	if tree.GetType(c.IterRange().ID()).Kind() == types.MapKind {
		return events.Refuse(in.bad,
			"line %d, column %d: iterating over a map is not supported, its order is not fixed; name the keys", at.Line(), at.Column()+1)
	}
	nested := false
	look := ast.NewExprVisitor(func(e ast.Expr) { nested = nested || e.Kind() == ast.ComprehensionKind })
	for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
		ast.PreOrderVisit(part, look)
	}
	if nested {
		return events.Refuse(events.CodePredicateTooCostly,
			"line %d, column %d: a comprehension within a comprehension", at.Line(), at.Column()+1)
	}
	return nil
}
