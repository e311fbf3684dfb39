package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/internal/telemetry/messaging"
)

// Config is how to reach a Kafka cluster.
type Config struct {
	// Brokers are the addresses, host:port, of one or more brokers to begin with.
	Brokers []string
	// ClientID is what the brokers' logs and quotas call this client; "spanway"
	// if empty.
	ClientID string
	// RetryBudget is how long one operation is tried again before it is given
	// up; 30 s if 0. A leader can be away for ten.
	RetryBudget time.Duration
	// Topics are the only ones that this client knows of; if it is empty it asks
	// for all of them twice a second, which is much in a large cluster. It must be
	// empty for a client that creates topics.
	Topics []string
	// Dial opens every connection; plain TCP if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialTimeout bounds how long a new connection may take; 3 s if 0.
	DialTimeout time.Duration
	// Compression of what is appended; none if 0. Everything is read.
	Compression batch.Compression
}

const (
	// requestTimeout bounds one request and its answer, but for the time that a
	// fetch waits. The broker is given half of it to replicate a batch.
	requestTimeout     = 10 * time.Second
	defaultDialTimeout = 3 * time.Second
	// metadataTTL is how long a new topic or leader may stay unknown.
	metadataTTL = 500 * time.Millisecond
)

// Client is a connection pool to one cluster. It is safe for concurrent use.
type Client struct {
	config    Config
	addr      net.Addr
	transport *kafkago.Transport
	api       *kafkago.Client
	metrics   *messaging.Client

	broken atomic.Int64 // how often a connection turned out dead

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closed  bool
	dropped time.Time // when idle connections were last let go of
}

// New makes a client; it connects on first use.
func New(config Config) *Client {
	if config.ClientID == "" {
		config.ClientID = "spanway"
	}
	if config.DialTimeout <= 0 {
		config.DialTimeout = defaultDialTimeout
	}
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: config.DialTimeout}).DialContext
	}
	if config.RetryBudget <= 0 {
		config.RetryBudget = 30 * time.Second
	}
	c := &Client{
		config: config, addr: kafkago.TCP(config.Brokers...), conns: map[net.Conn]struct{}{},
		metrics: messaging.NewClient(otel.Meter("github.com/spanway/spanway/internal/kafka")),
	}
	c.transport = &kafkago.Transport{
		Dial:        c.dial,
		DialTimeout: config.DialTimeout,
		MetadataTTL: metadataTTL, MetadataTopics: config.Topics,
		ClientID: config.ClientID,
	}
	c.api = &kafkago.Client{Addr: c.addr, Transport: requests{c}, Timeout: requestTimeout}
	return c
}

// Like makes another client of the same cluster, with connections of its own.
// change is given the configuration of this one.
func (c *Client) Like(change func(*Config)) *Client {
	config := c.config
	change(&config)
	return New(config)
}

// Close closes every connection; requests under way fail. It may be called
// more than once.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	c.transport.CloseIdleConnections()
	for conn := range conns {
		conn.Close() // the Transport would leave those that wait for an answer open
	}
}

var errClosed = errors.New("the Kafka client is closed")

// dial opens a connection and remembers it for Close.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.config.Dial(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker at %s: %w", address, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil, errClosed
	}
	c.conns[conn] = struct{}{}
	return &trackedConn{Conn: conn, client: c}, nil
}

// trackedConn forgets itself when it is closed.
type trackedConn struct {
	net.Conn
	client *Client
	closed atomic.Bool
}

func (t *trackedConn) isClosed() bool { return t.closed.Load() }

func (t *trackedConn) Close() error {
	t.closed.Store(true)
	t.client.mu.Lock()
	delete(t.client.conns, t.Conn)
	t.client.mu.Unlock()
	return t.Conn.Close()
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// roundTrip sends one request and waits for its answer, at most for timeout.
func (c *Client) roundTrip(ctx context.Context, req protocol.Message, timeout time.Duration) (protocol.Message, error) {
	if c.isClosed() {
		return nil, errClosed
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m, err := requests{c}.RoundTrip(within, c.addr, req)
	c.noticeBroken(ctx, err)
	return m, err
}

// noticeBroken lets go of all idle connections when one turns out dead. A
// broker that went took all of its connections with it, and the Transport would
// find that out one failed request at a time. ctx is the caller's: where it has
// not ended, a request that timed out tells of a dead connection too.
func (c *Client) noticeBroken(ctx context.Context, err error) {
	timedOut := ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded))
	if !timedOut && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) &&
		!errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return
	}
	c.broken.Add(1)
	c.mu.Lock()
	// All that fail together need it once; what came back since is good.
	due := time.Since(c.dropped) > firstBackoff
	if due {
		c.dropped = time.Now()
	}
	c.mu.Unlock()
	if due {
		c.transport.CloseIdleConnections()
	}
}

// unreached replaces "no such topic" by the true reason where no broker was
// reached that could have known the topic.
func (c *Client) unreached(ctx context.Context, err error) error {
	if errors.Is(err, protocol.ErrNoTopic) {
		if _, reason := c.metadata(ctx); reason != nil {
			return reason
		}
	}
	return err
}

// brokers names the cluster in errors.
func (c *Client) brokers() string { return strings.Join(c.config.Brokers, ",") }
