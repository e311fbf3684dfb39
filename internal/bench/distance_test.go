package bench

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// distance listens for connections to a broker and holds every byte back, in each
// direction, for half of the time that it adds to a round trip. It holds back time, not
// throughput: bytes that come later are not held up by those on their way.
func distance(tb testing.TB, listener net.Listener, broker string, roundTrip time.Duration) {
	tb.Helper()
	var conns sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
	}
	conns.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", broker)
			if err != nil {
				_ = near.Close()
				continue
			}
			keep(near)
			keep(far)
			conns.Go(func() { carryLate(far, near, roundTrip/2) })
			conns.Go(func() { carryLate(near, far, roundTrip/2) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		conns.Wait()
	})
}

// late is what was read, and when it is to be written.
type late struct {
	bytes []byte
	due   time.Time
}

// carryLate copies until either end is closed, and then closes both.
func carryLate(to, from net.Conn, by time.Duration) {
	flight := make(chan late, 1024)
	go func() {
		defer close(flight)
		for {
			b := make([]byte, 64<<10)
			n, err := from.Read(b)
			if n > 0 {
				flight <- late{b[:n], time.Now().Add(by)}
			}
			if err != nil {
				return
			}
		}
	}()
	var failed error
	for l := range flight {
		<-time.After(time.Until(l.due))
		if failed == nil {
			if _, failed = to.Write(l.bytes); failed != nil {
				_ = from.Close()
			}
		}
	}
	_ = to.Close()
}

// TestDistance sees that a round trip takes longer by what was asked, and that bytes in
// flight do not wait for each other.
func TestDistance(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() {
		c, err := far.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c)
	}()
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	distance(t, near, far.Addr().String(), 50*time.Millisecond)
	c, err := net.Dial("tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 1)
	for range 2 {
		began := time.Now()
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 50*time.Millisecond {
			t.Errorf("a round trip took %v", took)
		}
	}
}
