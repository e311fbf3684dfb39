package task

import (
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
)

// left says what becomes of a task whose end is not waited for any more. It returns err.
func left(a *cli.App, r client.Result, err error) error {
	if err == nil || r.ID == "" {
		return err
	}
	switch client.OutcomeOf(err) {
	case client.Certain:
		a.Notef("task %s goes on; see it with: spanway task watch %[1]s\n", r.ID)
	case client.Unknown:
		a.Notef("whether task %s was submitted is not known; see: spanway task show %[1]s, and submit it again with --id %[1]s: it is the same task\n", r.ID)
	case client.NotSent:
		a.Notef("task %s was not submitted\n", r.ID)
	case client.Denied: // The error says so.
	}
	return err
}

// notSent is the error of a line that was read and nothing was done about.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

// Unsent tells client.OutcomeOf so.
func (notSent) Unsent() bool { return true }

// lose counts a line of which it is not certain that it was submitted. The lines that
// follow would fare no better: they are not read. b.mu is held.
func (b *bulk) lose(number int, err error) {
	switch client.OutcomeOf(err) {
	case client.Certain: // Only its end is not known.
		b.submitted++
	case client.Denied:
		b.refusals++
	case client.NotSent:
		b.unsent++
	default:
		b.unknown++
	}
	if b.lost == nil {
		b.lost = fmt.Errorf("line %d: %w", number, err)
	}
	b.stop()
}

// count says what is certain of the lines that were read.
func (b *bulk) count() error {
	if b.app.JSON() {
		return b.app.Object(struct {
			Certain  int `json:"certain"`
			Refused  int `json:"refused"`
			Unknown  int `json:"unknown"`
			NotSent  int `json:"not_sent"`
			LastLine int `json:"last_line"`
		}{b.submitted, b.refusals, b.unknown, b.unsent, b.last})
	}
	return b.app.Printf("%d certain, %d refused, %d unknown, %d not sent; the last line that was read is %d\n",
		b.submitted, b.refusals, b.unknown, b.unsent, b.last)
}
