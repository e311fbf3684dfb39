package predicate

import (
	"errors"
	"fmt"
	"math"

	"cel.dev/cel-go/common/types"
)

// Preference is a compiled preference: the higher its score for an engine, the
// rather that engine gets the task. It is immutable and safe for concurrent use.
type Preference struct{ expression }

// Score of what source shows; a finite number. An error scores lower than all numbers;
// ErrUnknownAttribute is in its chain if a label or a dimension is missing.
func (p *Preference) Score(source Source) (float64, error) {
	out, _, err := p.program.Eval(&activation{source})
	if err != nil {
		return 0, evaluationError(err)
	}
	var score float64
	switch v := out.(type) {
	case types.Int:
		score = float64(v)
	case types.Uint:
		score = float64(v)
	case types.Double:
		score = float64(v)
	default:
		return 0, errors.New("the score is not a number")
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return 0, fmt.Errorf("the score is %v, which is not finite", score)
	}
	return score, nil
}
