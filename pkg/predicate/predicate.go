package predicate

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// expression is compiled text.
type expression struct {
	text  string
	reads Reads
	// program is nil for what is always true, or never.
	program cel.Program
}

// Text is what it was compiled from; empty for Always.
func (e *expression) Text() string { return e.text }

// Reads is the set of attributes that it can read.
func (e *expression) Reads() Reads { return e.reads }

// Predicate is a compiled predicate. It is immutable and safe for concurrent use.
type Predicate struct {
	expression
	never bool
}

var always = &Predicate{}

// Always is the predicate that is true of every engine.
func Always() *Predicate { return always }

// Never is true of no engine: it stands in for text that was accepted under
// other limits.
func Never(text string) *Predicate {
	return &Predicate{expression: expression{text: text}, never: true}
}

// Eval gives the verdict on what source shows. An error means false and is the
// reason; ErrUnknownAttribute is in its chain if a label or a dimension is missing.
func (p *Predicate) Eval(source Source) (bool, error) {
	if p.never {
		return false, errors.New("the predicate is beyond today's limits")
	}
	if p.program == nil {
		return true, nil
	}
	out, _, err := p.program.Eval(&activation{source})
	if err != nil {
		return false, evaluationError(err)
	}
	verdict, ok := out.(types.Bool)
	if !ok {
		return false, errors.New("the result is not a Boolean")
	}
	return bool(verdict), nil
}

// Clauses are the parts joined by && at the top, each as a predicate of its
// own with its source text. A clause that cannot stand alone makes the whole
// predicate the only clause.
func (p *Predicate) Clauses() []*Predicate {
	if p.program == nil {
		return nil
	}
	texts := split(p.text)
	clauses := make([]*Predicate, 0, len(texts))
	for _, text := range texts {
		c, err := Compile(text)
		if err != nil {
			return []*Predicate{p}
		}
		if c.program == nil {
			c = &Predicate{expression: expression{text: text}}
		}
		clauses = append(clauses, c)
	}
	return clauses
}

// ErrUnknownAttribute: the engine does not have what the predicate names.
var ErrUnknownAttribute = errors.New("unknown attribute")

type evalError struct {
	message string
	unknown bool
}

func (e *evalError) Error() string { return e.message }

func (e *evalError) Is(target error) bool { return e.unknown && target == ErrUnknownAttribute }

func evaluationError(err error) error {
	message := err.Error()
	return &evalError{message: message, unknown: strings.Contains(message, "no such key")}
}
