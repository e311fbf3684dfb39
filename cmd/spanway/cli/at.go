package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/query"
)

// Moment is the flag --at, or another that names a moment of the log.
type Moment struct{ text string }

// Flag adds the flag to a command, under a name; what says what the moment is of.
func (m *Moment) Flag(c *cobra.Command, name, what string) {
	c.Flags().StringVar(&m.text, name, "", what+": an offset (1841 or tasks.events/3@1841), a time (RFC 3339), or how long ago (10m)")
}

// At is the flag of commands that answer about the past.
func (m *Moment) At(c *cobra.Command) { m.Flag(c, "at", "the answer as it was then") }

// Parse reads what was given.
func (m *Moment) Parse() (query.At, error) {
	at, err := query.ParseAt(m.text, time.Now())
	if err != nil {
		return at, Misuse(err)
	}
	return at, nil
}
