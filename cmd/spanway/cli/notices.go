package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// notices tell a person, on stderr, of what a command tries again and that it goes on.
func (a *App) notices() *slog.Logger { return slog.New(&notices{to: a.Err}) }

// notices is a log as lines of the program: what is said, and about what.
type notices struct {
	mu sync.Mutex
	to io.Writer
}

func (n *notices) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (n *notices) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "spanway: %s", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "doing", "error":
			fmt.Fprintf(&b, ": %v", a.Value)
		case "others":
			if n := a.Value.Int64(); n > 0 {
				fmt.Fprintf(&b, " (and %d more)", n)
			}
		case "for", "after":
			fmt.Fprintf(&b, ", %s %v", a.Key, a.Value)
		default:
			fmt.Fprintf(&b, ", %s: %v", a.Key, a.Value)
		}
		return true
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := fmt.Fprintln(n.to, render.Clean(b.String()))
	return err
}

// WithAttrs and WithGroup are not used by what writes here.
func (n *notices) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n *notices) WithGroup(string) slog.Handler      { return n }
