package run

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
)

// warnings are what a logger is told that is a warning or worse, but for what says only
// that the machine is slow. It is safe for concurrent use.
type warnings struct {
	mu   sync.Mutex
	told []string
}

// ofTime are the warnings that a loaded machine gives.
var ofTime = []string{"trying again", "waiting for parts of the system to stop", "the lease is lost, registering anew"}

func (*warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn && slices.Contains(ofTime, r.Message) {
		return nil
	}
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprint(" ", a)
		return true
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, line)
	return nil
}

func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *warnings) WithGroup(string) slog.Handler      { return w }

// none fails the test if there were any.
func (w *warnings) none(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.told {
		t.Errorf("warning: %s", line)
	}
}
