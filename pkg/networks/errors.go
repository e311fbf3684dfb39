package networks

import (
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Refused is a command that the global manager has refused as a whole: nothing was changed.
type Refused struct {
	RequestID string
	// Code and Text are those of the first mistake.
	Code events.Code
	Text string
	// Mistakes are all of them, up to network.MaxMistakes.
	Mistakes []network.Mistake
}

func (r *Refused) Error() string {
	more := ""
	if n := len(r.Mistakes) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more mistakes)", n)
	}
	return fmt.Sprintf("%s: %s%s", r.Code, r.Text, more)
}

// refusal is what the log says of a command that was refused.
func refusal(m *events.NetworkRefused) *Refused {
	r := &Refused{RequestID: m.RequestId, Code: events.Code(m.Code), Text: m.Message}
	for _, w := range m.Mistakes {
		r.Mistakes = append(r.Mistakes, network.Mistake{Path: w.GetPath(), Pointer: w.GetPointer(), Code: events.Code(w.GetCode()), Message: w.GetMessage()})
	}
	return r
}

// IsRefused reports whether an error is a refusal with that code.
func IsRefused(err error, code events.Code) bool {
	var r *Refused
	return errors.As(err, &r) && r.Code == code
}

// Unanswered is a command of which no answer came: it may be carried out all the same.
type Unanswered struct {
	RequestID string
	Err       error
}

func (u *Unanswered) Error() string {
	return fmt.Sprintf("no global manager has answered the command %s, which may be carried out all the same: see that one runs (spanway serve manager --role global), and look (spanway network history) before it is repeated: %v", u.RequestID, u.Err)
}

func (u *Unanswered) Unwrap() error { return u.Err }
