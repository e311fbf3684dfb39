package e2e_test

import (
	"bytes"
	"context"
	encoding "encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// linkProxy stands before a broker on 127.0.0.1, and puts its own address in the place of
// the broker's in all answers, so that clients never come to the broker itself. It makes
// the way to the broker worse.
type linkProxy struct {
	listener net.Listener
	to       string
	// lose has the answer to every so manieth request to produce lost, with its connection.
	// The broker has done what was asked.
	lose atomic.Int64
	// rate bounds the bytes a second of requests to produce; 0 is no bound.
	rate           atomic.Int64
	produced, lost atomic.Int64
	ctx            context.Context
	running        sync.WaitGroup
}

const produceKey, longestFrame = 0, 64 << 20

func newLinkProxy(t *testing.T, to string) *linkProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &linkProxy{listener: l, to: to, ctx: ctx}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		cancel()
		p.running.Wait()
	})
	return p
}

func (p *linkProxy) addr() string { return p.listener.Addr().String() }

func (p *linkProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		end := context.AfterFunc(p.ctx, func() {
			client.Close()
			broker.Close()
		})
		var produces sync.Map // correlation IDs
		both := func(from, to net.Conn, carry func(frame []byte) ([]byte, bool)) {
			defer end()
			defer client.Close()
			defer broker.Close()
			carryFrames(from, to, carry)
		}
		p.running.Go(func() {
			both(client, broker, func(f []byte) ([]byte, bool) { return p.request(f, &produces) })
		})
		p.running.Go(func() { both(broker, client, func(f []byte) ([]byte, bool) { return p.answer(f, &produces) }) })
	}
}

// carryFrames carries frames until either end is closed, or carry says so.
func carryFrames(from, to net.Conn, carry func(frame []byte) ([]byte, bool)) {
	for {
		var size [4]byte
		if _, err := io.ReadFull(from, size[:]); err != nil {
			return
		}
		n := encoding.BigEndian.Uint32(size[:])
		if n < 8 || n > longestFrame {
			return
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		frame, ok := carry(frame)
		if !ok {
			return
		}
		if _, err := to.Write(append(size[:], frame...)); err != nil {
			return
		}
	}
}

// request notes what is to be produced, and holds it back.
func (p *linkProxy) request(frame []byte, produces *sync.Map) ([]byte, bool) {
	if encoding.BigEndian.Uint16(frame) != produceKey {
		return frame, true
	}
	produces.Store(encoding.BigEndian.Uint32(frame[4:]), true)
	if rate := p.rate.Load(); rate > 0 {
		select {
		case <-time.After(time.Duration(len(frame)) * time.Second / time.Duration(rate)):
		case <-p.ctx.Done():
			return nil, false
		}
	}
	return frame, true
}

// answer loses some, and has the others name this proxy.
func (p *linkProxy) answer(frame []byte, produces *sync.Map) ([]byte, bool) {
	if _, ok := produces.LoadAndDelete(encoding.BigEndian.Uint32(frame)); ok {
		n, every := p.produced.Add(1), p.lose.Load()
		if every > 0 && n%every == 0 {
			p.lost.Add(1)
			return nil, false
		}
		return frame, true
	}
	return bytes.ReplaceAll(frame, advertised(p.to), advertised(p.addr())), true
}

// advertised is how an answer names a broker.
func advertised(addr string) []byte {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return encoding.BigEndian.AppendUint32([]byte(host), uint32(n))
}
