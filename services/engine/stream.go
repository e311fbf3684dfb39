package engine

import (
	"io"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/engine"
)

// quietStart is how long standard output is held back: of a command that ends by
// then it is in the result, and need not be in the log twice.
const quietStart = 250 * time.Millisecond

// stream passes on what a command writes while it runs. Whatever becomes of that,
// the command goes on.
type stream struct {
	pass  func(engine.Stream, []byte) error
	timer *time.Timer

	mu     sync.Mutex
	live   bool // standard output is not held back any more
	early  []byte
	passed int
	over   bool // nothing more is passed on
}

func newStream(quiet time.Duration, pass func(engine.Stream, []byte) error) *stream {
	s := &stream{pass: pass}
	s.timer = time.AfterFunc(quiet, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.begin()
	})
	return s
}

// of is the writer of one stream.
func (s *stream) of(which engine.Stream) io.Writer { return &streamWriter{s, which} }

// end passes on what is held back, unless the result has it.
func (s *stream) end(inResult bool) {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !inResult {
		s.begin()
	}
	s.over = true
}

func (s *stream) begin() {
	if s.live {
		return
	}
	s.live = true
	s.say(engine.Stdout, s.early)
	s.early = nil
}

func (s *stream) say(which engine.Stream, data []byte) {
	if len(data) == 0 || s.over {
		return
	}
	s.passed += len(data)
	// The first piece that is too much is passed on, too, so that it is noted.
	s.over = s.pass(which, data) != nil || s.passed > engine.MaxOutputBytes
}

type streamWriter struct {
	stream *stream
	which  engine.Stream
}

func (w *streamWriter) Write(b []byte) (int, error) {
	s := w.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
	case w.which == engine.Stderr || s.live:
		s.say(w.which, b)
	default:
		if s.early = append(s.early, b...); len(s.early) > engine.MaxOutputBytes {
			s.begin()
		}
	}
	return len(b), nil
}
