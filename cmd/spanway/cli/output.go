package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// output is where a command prints to. It remembers the first write that failed and
// refuses all later ones, so that what a command printed is a beginning of what it
// would have printed, and Execute can tell that it is not all. It is safe for
// concurrent use.
type output struct {
	to io.Writer

	mu     sync.Mutex
	failed error
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.to.Write(b)
	if err != nil {
		o.failed = &outputError{err}
	}
	return n, o.failed
}

// Err is the first write that failed.
func (o *output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// end refuses what is still written: the call has ended.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = os.ErrClosed
	}
}

// outputError says that standard output is not complete.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return fmt.Sprintf("the output is not complete, what was asked for may be done all the same: %v", e.err)
}
func (e *outputError) Unwrap() error { return e.err }

// ExitCode is that of a refusal.
func (e *outputError) ExitCode() int { return ExitRefused }

// ordered is a stream that the goroutines of a call write to, one at a time, until the
// call has ended: what is written later, such as by a timer that tells why a command
// waits, is dropped.
type ordered struct {
	to io.Writer

	mu   sync.Mutex
	over bool
}

func (o *ordered) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return 0, os.ErrClosed
	}
	return o.to.Write(b)
}

func (o *ordered) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
}

// printed is text for people: what a terminal would not show as it is is escaped, but
// for line breaks and tabs.
type printed struct{ to io.Writer }

func (p printed) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.to, render.Lines(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// TaskOutput is where to what tasks write to their standard output goes, and what
// they give as results: as it is, but to a terminal as text for people.
func (a *App) TaskOutput() io.Writer {
	if Terminal(a.out) {
		return printed{a.out}
	}
	return a.out
}

// TaskErrors is TaskOutput for what they write to their standard error.
func (a *App) TaskErrors() io.Writer {
	if Terminal(a.Err) {
		return a.Err
	}
	return a.Screen()
}

// Screen is standard error as it is, for what moves the cursor of a terminal. A file is
// given as such: what draws on it asks it how wide it is.
func (a *App) Screen() io.Writer {
	if f, ok := fileOf(a.Err); ok {
		return f
	}
	if p, ok := a.Err.(printed); ok {
		return p.to
	}
	return a.Err
}

// fileOf is the file that is written to in the end, if it is one.
func fileOf(w io.Writer) (*os.File, bool) {
	for {
		switch at := w.(type) {
		case *output:
			w = at.to
		case *ordered:
			w = at.to
		case printed:
			w = at.to
		default:
			f, ok := w.(*os.File)
			return f, ok
		}
	}
}
