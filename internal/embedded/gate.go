package embedded

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// gate lets no answer leave the broker once the data directory has failed. kfake
// answers after it has written, or after it has logged that it could not, and both in
// the same goroutine: so an answer that leaves says that everything is written which
// was written before it. It is safe for concurrent use.
type gate struct {
	dir    string
	failed chan struct{} // closed when err is set
	ready  chan struct{} // closed when clients are served
	tls    *tls.Config   // nil if plain text is spoken

	mu   sync.Mutex
	err  error
	open map[io.Closer]struct{} // listeners and connections
}

func newGate(dir string, encryption *tls.Config) *gate {
	return &gate{dir: dir, tls: encryption, failed: make(chan struct{}), ready: make(chan struct{}), open: map[io.Closer]struct{}{}}
}

// serve lets clients in. Until then they wait: what a crash left is being mended.
func (g *gate) serve() { close(g.ready) }

// fail shuts the gate for ever. The first reason stays.
func (g *gate) fail(reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return
	}
	g.err = fmt.Errorf("the broker stopped, because its data directory %s cannot be written: %w; "+
		"what was acknowledged is kept; make the directory writable, with room, and start again", g.dir, reason)
	close(g.failed)
	for c := range g.open {
		_ = c.Close() // Its user is told by its own next call.
	}
}

// why is the reason for which the gate is shut, nil while it is not.
func (g *gate) why() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// add takes a connection or listener that is to be closed when the gate shuts.
func (g *gate) add(c io.Closer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		_ = c.Close() // The error says more.
		return g.err
	}
	g.open[c] = struct{}{}
	return nil
}

func (g *gate) remove(c io.Closer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}

// Logf implements kfake.Logger: a log line is the only sign of a file that could not
// be written. It is called before the request is answered that it is about.
func (g *gate) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn {
		return
	}
	for _, arg := range args {
		if err, ok := arg.(error); ok && ofFiles(err) {
			g.fail(fmt.Errorf(format, args...))
			return
		}
	}
}

// ofFiles tells an error of the file system from others that kfake logs.
func ofFiles(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	return errors.As(err, &path) || errors.As(err, &link)
}

// listen is how a broker listens behind the gate.
func (g *gate) listen(network, address string) (net.Listener, error) {
	l, err := listenLoopback(network, address)
	if err != nil {
		return nil, err
	}
	if err := g.add(l); err != nil {
		return nil, err
	}
	return &gatedListener{Listener: l, gate: g, closed: make(chan struct{})}, nil
}

type gatedListener struct {
	net.Listener
	gate    *gate
	closing sync.Once
	closed  chan struct{}
}

func (l *gatedListener) Accept() (net.Conn, error) {
	select {
	case <-l.gate.ready:
	case <-l.closed: // Accept says so.
	}
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if err := l.gate.add(c); err != nil {
		return nil, err
	}
	gated := &gatedConn{Conn: c, raw: c, gate: l.gate, begin: l.gate.tls == nil, closed: make(chan struct{})}
	if l.gate.tls != nil {
		gated.Conn = tls.Server(c, l.gate.tls)
	}
	return gated, nil
}

func (l *gatedListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	l.gate.remove(l.Listener)
	return l.Listener.Close()
}

// gatedConn is a connection in plain text, or what is within TLS.
type gatedConn struct {
	net.Conn
	raw     net.Conn
	gate    *gate
	begin   bool // it speaks plain text, and nothing was read of it yet
	joining joining

	closing sync.Once
	closed  chan struct{}
}

// errTLS ends a connection that begins with TLS where plain text is spoken.
var errTLS = errors.New("a client speaks TLS here, where plain text is spoken")

// handshakeRecord is how TLS begins.
const handshakeRecord = 0x16

// Read refuses a client that speaks TLS to a listener in plain text, and whatever else is
// no request that a broker takes. kfake would take the first four bytes for the size of a
// request, make room for it, and wait for it.
func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.begin && n > 0 {
		c.begin = false
		if b[0] == handshakeRecord {
			return 0, errTLS
		}
	}
	if wrong := c.joining.sent(b[:n]); wrong != nil {
		return 0, wrong
	}
	if err != nil {
		c.joining.wait(c.closed, c.gate.failed)
	}
	return n, err
}

// Write sends an answer, unless the gate is shut.
func (c *gatedConn) Write(b []byte) (int, error) {
	if err := c.gate.why(); err != nil {
		return 0, err
	}
	c.joining.wrote(b)
	return c.Conn.Write(b)
}

func (c *gatedConn) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.gate.remove(c.raw)
	})
	return c.Conn.Close()
}
