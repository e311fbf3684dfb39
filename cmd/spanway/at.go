package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/query"
)

// moment is the flag --at, or another that names a moment of the log.
type moment struct{ text string }

func (m *moment) flag(c *cobra.Command, name, what string) {
	c.Flags().StringVar(&m.text, name, "", what+": an offset (1841 or tasks.events/3@1841), a time (RFC 3339), or how long ago (10m)")
}

// at is the flag of commands that answer about the past.
func (m *moment) at(c *cobra.Command) { m.flag(c, "at", "the answer as it was then") }

func (m *moment) parse() (query.At, error) {
	at, err := query.ParseAt(m.text, time.Now())
	if err != nil {
		return at, &usageError{err}
	}
	return at, nil
}
