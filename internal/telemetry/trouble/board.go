package trouble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spanway/spanway/pkg/eventlog"
)

const (
	// Patience is how long what a moment mends may last before it is told of.
	Patience = time.Second
	// Every lies between two mentions of the same reason.
	Every = 30 * time.Second
)

// Board knows what is in the way now, and tells of it. It is safe for concurrent use.
type Board struct {
	log *slog.Logger

	mu    sync.Mutex
	shown []*Try // what is in the way, the oldest first
	// told are the reasons that were logged, and when; since is when the first of them
	// began. Both are of now: when all goes on again they are forgotten.
	told  map[string]time.Time
	since time.Time
}

// NewBoard makes a board that tells a logger; slog.Default() if it is nil.
func NewBoard(log *slog.Logger) *Board {
	if log == nil {
		log = slog.Default()
	}
	return &Board{log: log, told: map[string]time.Time{}}
}

// Err is what is in the way now, nil if nothing is: the oldest of what is denied, which somebody
// has to allow, else the oldest of all.
func (b *Board) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var told error
	n := 0
	for _, t := range b.shown {
		what, since, err := t.state()
		if since.IsZero() {
			continue // It has just ended.
		}
		if n++; told == nil || eventlog.IsDenied(err) && !eventlog.IsDenied(told) {
			told = fmt.Errorf("%s, for %v: %w", what, time.Since(since).Round(time.Second), err)
		}
	}
	if n > 1 {
		return fmt.Errorf("%w (and %d more)", told, n-1)
	}
	return told
}

// show enters a Try, and tells of it if its reason is news.
func (b *Board) show(t *Try, what string, err error, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.holds(t) {
		b.shown = append(b.shown, t)
	}
	now, reason := time.Now(), reasonOf(err)
	if last, told := b.told[reason]; told && now.Sub(last) < Every {
		return
	}
	if len(b.told) == 0 || since.Before(b.since) {
		b.since = since
	}
	b.told[reason] = now
	level := slog.LevelWarn
	if eventlog.IsDenied(err) {
		level = slog.LevelError
	}
	b.log.Log(context.Background(), level, "trying again", "doing", what, "error", err,
		"for", now.Sub(since).Round(100*time.Millisecond), "others", len(b.shown)-1)
}

// hide removes a Try. passed: it succeeded.
func (b *Board) hide(t *Try, passed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.shown {
		if other == t {
			b.shown = append(b.shown[:i], b.shown[i+1:]...)
			break
		}
	}
	if passed && len(b.shown) == 0 && len(b.told) > 0 {
		b.log.Info("it goes on again", "after", time.Since(b.since).Round(100*time.Millisecond))
		clear(b.told)
	}
}

func (b *Board) holds(t *Try) bool {
	for _, other := range b.shown {
		if other == t {
			return true
		}
	}
	return false
}

// reasonOf tells one reason from another: of what is denied all that is said of it, else
// the innermost error without its numbers, such as ports, which differ each time.
func reasonOf(err error) string {
	if eventlog.IsDenied(err) {
		return err.Error()
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, innermost(err).Error())
}

// innermost is the cause; of several, the one that was added last.
func innermost(err error) error {
	for {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			if errs := many.Unwrap(); len(errs) > 0 {
				err = errs[len(errs)-1]
				continue
			}
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
