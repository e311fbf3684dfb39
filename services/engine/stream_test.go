package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/engine"
)

// passed collects what a stream passes on, a stream's name before each piece.
type passed struct {
	pieces chan string
	err    error
}

func (p *passed) pass(s engine.Stream, b []byte) error {
	p.pieces <- strings.TrimPrefix(string(s), "text/x-") + ":" + string(b)
	return p.err
}

func TestStream(t *testing.T) {
	p := &passed{pieces: make(chan string, 10)}
	s := newStream(1500*time.Millisecond, p.pass)
	s.of(engine.Stdout).Write([]byte("early"))
	s.of(engine.Stderr).Write([]byte("oops"))
	if got := <-p.pieces; got != "stderr:oops" {
		t.Errorf("passed on %q first, want standard error at once", got)
	}
	select {
	case got := <-p.pieces:
		if got != "stdout:early" {
			t.Errorf("then %q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("standard output is held back for ever")
	}
	s.of(engine.Stdout).Write([]byte("late"))
	if got := <-p.pieces; got != "stdout:late" {
		t.Errorf("then %q", got)
	}
	s.end(true)
	s.of(engine.Stdout).Write([]byte("too late"))
	if len(p.pieces) > 0 {
		t.Errorf("passed on %q after the end", <-p.pieces)
	}
}

func TestShortCommandsOutputIsInTheirResult(t *testing.T) {
	for inResult, want := range map[bool]int{true: 0, false: 1} {
		p := &passed{pieces: make(chan string, 10)}
		s := newStream(time.Hour, p.pass)
		s.of(engine.Stdout).Write([]byte("a"))
		s.of(engine.Stdout).Write([]byte("b"))
		s.end(inResult)
		if len(p.pieces) != want {
			t.Errorf("in the result %v: %d pieces passed on, want %d", inResult, len(p.pieces), want)
		}
	}
}

func TestStreamStops(t *testing.T) {
	p := &passed{pieces: make(chan string, 100)}
	s := newStream(time.Hour, p.pass)
	block := make([]byte, 32<<10)
	for range 20 {
		if n, err := s.of(engine.Stderr).Write(block); n != len(block) || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(p.pieces) != 9 { // 8 fill the bound, one is more.
		t.Errorf("%d pieces passed on", len(p.pieces))
	}
	s.end(true)
	p = &passed{pieces: make(chan string, 100), err: errors.New("over")}
	s = newStream(time.Hour, p.pass)
	for range 3 {
		s.of(engine.Stderr).Write(block)
	}
	if len(p.pieces) != 1 {
		t.Errorf("%d pieces passed on to nobody", len(p.pieces))
	}
	s.end(false)
}
