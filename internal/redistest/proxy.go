package redistest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands before a server.
type Proxy struct {
	listener net.Listener
	to       string
	lose     atomic.Int64
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// NewProxy makes a proxy before a server; it ends with the test.
func NewProxy(tb testing.TB, to string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: l, to: to, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	tb.Cleanup(p.Close)
	return p
}

// Addr is the proxy's address.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// LoseExec has the answers to the next n EXECs lost, with their connections: the server
// has done what they ask.
func (p *Proxy) LoseExec(n int) { p.lose.Store(int64(n)) }

// Lost reports whether all answers that were to be lost are.
func (p *Proxy) Lost() bool { return p.lose.Load() <= 0 }

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		var losing atomic.Bool
		p.running.Go(func() {
			p.pipe(server, client, func(b []byte) bool {
				if bytes.Contains(bytes.ToLower(b), []byte("\r\nexec\r\n")) && p.lose.Add(-1) >= 0 {
					losing.Store(true)
				}
				return true
			})
		})
		p.running.Go(func() { p.pipe(client, server, func([]byte) bool { return !losing.Load() }) })
	}
}

// pipe copies until an end, or until pass says no.
func (p *Proxy) pipe(to, from net.Conn, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !pass(b[:n]) {
			return
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			return
		}
	}
}
