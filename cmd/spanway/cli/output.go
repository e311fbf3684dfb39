package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
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

// outputError says that standard output is not complete.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return fmt.Sprintf("the output is not complete, what was asked for may be done all the same: %v", e.err)
}
func (e *outputError) Unwrap() error { return e.err }

// ExitCode is that of a refusal.
func (e *outputError) ExitCode() int { return ExitRefused }

// fileOf is the file that is written to in the end, if it is one.
func fileOf(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	return f, ok
}
