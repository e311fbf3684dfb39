package clitest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Screen is a terminal and what was written to it.
type Screen struct {
	// Tty is what a program writes to.
	Tty *os.File

	mu      sync.Mutex
	changed *sync.Cond
	shown   strings.Builder
	closed  bool
}

// NewScreen opens a terminal for the time of a test.
func NewScreen(t *testing.T) *Screen {
	t.Helper()
	const flags = os.O_RDWR | unix.O_NOCTTY
	us, err := os.OpenFile("/dev/ptmx", flags, 0)
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(us.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatalf("unlock the terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(int(us.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatalf("ask for the terminal's number: %v", err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), flags, 0)
	if err != nil {
		t.Fatalf("open the terminal's other side: %v", err)
	}
	s := &Screen{Tty: tty}
	s.changed = sync.NewCond(&s.mu)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read(us)
	}()
	t.Cleanup(func() {
		tty.Close() // Ends the reading.
		<-done
		us.Close()
	})
	return s
}

func (s *Screen) read(us *os.File) {
	buf := make([]byte, 4096)
	for {
		n, err := us.Read(buf)
		s.mu.Lock()
		s.shown.Write(buf[:n])
		s.closed = err != nil
		s.changed.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Await returns what the screen shows once it shows that; false if it never will.
func (s *Screen) Await(what string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.shown.String(), what) && !s.closed {
		s.changed.Wait()
	}
	return s.shown.String(), strings.Contains(s.shown.String(), what)
}
