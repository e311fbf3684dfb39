package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// dial opens a connection: every one of this package comes from here, those of the
// Transport and those of the consumer groups. It is secured and has answered before
// kafka-go gets it, so that what is wrong with it is said once, and clearly.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.DialTimeout)
	defer cancel()
	conn, err := c.secured(ctx, network, address)
	var shut *shutOut
	if errors.As(err, &shut) { // the broker ended an exchange that it should have answered: once is no proof
		conn, err = c.secured(ctx, network, address)
	}
	if errors.As(err, &shut) {
		err = c.rejected(address, shut.problem, shut.remedy, shut.err)
	}
	switch {
	case err == nil:
		c.refusal.Store(nil)
		return conn, nil
	case IsDenied(err):
		c.refusal.Store(&refusal{err, time.Now()})
		return nil, err // it says where
	}
	return nil, fmt.Errorf("connect to the broker at %s: %w", address, err)
}

// secured opens a connection and takes all steps until requests may be sent.
func (c *Client) secured(ctx context.Context, network, address string) (net.Conn, error) {
	if !c.mayConnect(address) {
		return nil, c.rejected(address, "a broker advertises this address, which is not among those that are allowed",
			"allow it, or mend advertised.listeners of the broker", nil)
	}
	s := c.config.Security
	var config *tls.Config
	var credentials *Credentials
	if s.TLS != nil {
		var err error
		if config, err = s.TLS(); err != nil {
			return nil, c.rejected(address, "TLS cannot be set up", "", err)
		}
		config = named(config, address)
	}
	if s.Credentials != nil {
		of, err := s.Credentials()
		if err != nil {
			return nil, c.rejected(address, "the credentials cannot be read", "", err)
		}
		credentials = &of
	}
	c.principal.Store(principal(config, credentials))
	raw, err := c.config.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn, err := c.track(raw)
	if err != nil {
		return nil, err
	}
	if err := c.secure(ctx, conn, address, config, credentials); err != nil {
		_ = conn.Close()
		if errors.Is(err, errHTTP) {
			return nil, c.rejected(address, "an HTTP server answers here, not a Kafka broker", "name the port of the broker", err)
		}
		return nil, err
	}
	return conn, nil
}

// secure does on a new connection what has to be done before requests may be sent.
func (c *Client) secure(ctx context.Context, conn *trackedConn, address string, config *tls.Config, credentials *Credentials) error {
	if until, bounded := ctx.Deadline(); bounded {
		_ = conn.SetDeadline(until)
		defer func() { _ = conn.SetDeadline(time.Time{}) }()
	}
	if config != nil {
		over := tls.Client(conn.Conn, config)
		if err := over.HandshakeContext(ctx); err != nil {
			return c.explainTLS(ctx, address, config, err)
		}
		conn.Conn = over
	}
	conn.Conn = &firstAnswer{Conn: conn.Conn}
	if credentials != nil {
		return c.authenticate(ctx, conn, address, config, *credentials)
	}
	if config == nil && c.met(address) {
		return nil
	}
	if err := greet(conn, c.config.ClientID); err != nil {
		return c.explainSilence(ctx, address, config, err)
	}
	c.meet(address)
	return nil
}

// greet asks for next to nothing, which needs no right. Under TLS 1.3 a client
// learns only by the first answer whether its certificate was accepted.
func greet(conn net.Conn, clientID string) error {
	pc := protocol.NewConn(conn, clientID)
	pc.SetVersions(versions)
	_, err := pc.RoundTrip(&metadata.Request{TopicNames: []string{}})
	return err
}

// versions are those of the requests that are sent before versions were agreed on;
// every Kafka since 1.0 has them.
var versions = map[protocol.ApiKey]int16{protocol.Metadata: 4, protocol.SaslHandshake: 1, protocol.SaslAuthenticate: 1}

// named is config for a server, named after the address unless it has a name.
func named(config *tls.Config, address string) *tls.Config {
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	return config
}

func (c *Client) mayConnect(address string) bool {
	allowed := c.config.Security.Allowed
	return allowed == nil || slices.Contains(c.config.Brokers, address) || allowed(address)
}

// met reports whether a broker answered at an address before, in plain text.
func (c *Client) met(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[address]
}

func (c *Client) meet(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[address] = true
}

// track remembers a connection for Close.
func (c *Client) track(conn net.Conn) (*trackedConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, errClosed
	}
	c.conns[conn] = struct{}{}
	return &trackedConn{Conn: conn, raw: conn, client: c}, nil
}

// trackedConn forgets itself when it is closed.
type trackedConn struct {
	net.Conn          // TLS over raw, or raw
	raw      net.Conn // of the network
	client   *Client
	closed   atomic.Bool
}

func (t *trackedConn) isClosed() bool { return t.closed.Load() }

func (t *trackedConn) Close() error {
	t.closed.Store(true)
	t.client.mu.Lock()
	delete(t.client.conns, t.raw)
	t.client.mu.Unlock()
	return t.Conn.Close()
}

// ended reports whether err says that the other side closed the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || reset(err)
}
