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
	lose     atomic.Int64
	before   atomic.Pointer[func()]
	running  sync.WaitGroup

	mu    sync.Mutex
	to    string
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

// BeforeExec has f called before each EXEC reaches the server, thus behind WATCH and what
// was read; nil ends that.
func (p *Proxy) BeforeExec(f func()) { p.before.Store(&f) }

// Lost reports whether all answers that were to be lost are.
func (p *Proxy) Lost() bool { return p.lose.Load() <= 0 }

// Redirect ends all connections, and has new ones lead to another server.
func (p *Proxy) Redirect(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
	p.cut()
}

// cut ends all connections; p.mu is held.
func (p *Proxy) cut() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	p.to = "" // What was accepted a moment ago leads nowhere.
	p.cut()
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := p.join(client)
		if err != nil {
			client.Close()
			continue
		}
		var losing atomic.Bool
		p.running.Go(func() {
			p.pipe(server, client, func(b []byte) bool {
				if !bytes.Contains(bytes.ToLower(b), []byte("\r\nexec\r\n")) {
					return true
				}
				if f := p.before.Load(); f != nil && *f != nil {
					(*f)()
				}
				if p.lose.Add(-1) >= 0 {
					losing.Store(true)
				}
				return true
			})
		})
		p.running.Go(func() { p.pipe(client, server, func([]byte) bool { return !losing.Load() }) })
	}
}

// join connects a client to the server.
func (p *Proxy) join(client net.Conn) (server net.Conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if server, err = net.Dial("tcp", p.to); err == nil {
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	}
	return server, err
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
