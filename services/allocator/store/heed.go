package store

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// heeded is a connection that keeps what Redis said before it hung up. A Redis that takes no
// more clients, or in protected mode none of other machines, says so at once and closes: whoever
// writes then learns that the pipe is broken, and not why.
type heeded struct {
	net.Conn
	mu sync.Mutex
	// said is the first line that came, if it is an error and nothing came behind it.
	said []byte
	more bool
}

// maxSaid bounds the line, and patience how long it is awaited on a connection that is broken.
const (
	maxSaid  = 512
	patience = 100 * time.Millisecond
)

func heed(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	h := &heeded{Conn: c}
	if of, ok := c.(syscall.Conn); ok { // By that the client sees whether an idle one is still open.
		return &heededSocket{h, of}, nil
	}
	return h, nil
}

// heededSocket is a heeded connection that is not encrypted.
type heededSocket struct {
	*heeded
	syscall.Conn
}

// Read implements net.Conn.
func (h *heeded) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.heard(b[:n])
	if n == 0 && err != nil {
		err = h.because(err)
	}
	return n, err
}

// Write implements net.Conn.
func (h *heeded) Write(b []byte) (int, error) {
	n, err := h.Conn.Write(b)
	if err != nil {
		h.rest()
		err = h.because(err)
	}
	return n, err
}

// rest reads what is still to be read of a connection that is broken.
func (h *heeded) rest() {
	h.mu.Lock()
	known := h.more || len(h.said) > 0
	h.mu.Unlock()
	if known || h.Conn.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	b := make([]byte, maxSaid)
	n, _ := h.Conn.Read(b)
	h.heard(b[:n])
}

// heard takes note of what came.
func (h *heeded) heard(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.more || len(b) == 0 {
		return
	}
	h.said = append(h.said, b...)
	_, behind, _ := bytes.Cut(h.said, []byte("\n"))
	if h.said[0] != '-' || len(h.said) > maxSaid || len(behind) > 0 {
		h.more, h.said = true, nil
	}
}

// because is what Redis said, if it said only why it hangs up.
func (h *heeded) because(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	line, _, whole := bytes.Cut(h.said, []byte("\r\n"))
	var slow net.Error
	if !whole || errors.Is(err, net.ErrClosed) || errors.As(err, &slow) && slow.Timeout() {
		return err // Redis did not hang up.
	}
	return &hungUp{string(line[1:])}
}

// hungUp is what Redis said before it closed the connection. It is no redis.Error: with such
// the client takes the connection for a good one.
type hungUp struct{ said string }

func (h *hungUp) Error() string { return h.said }
