package kafka

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/singleflight"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/trouble"
)

// Config is how to reach a Kafka cluster.
type Config struct {
	// Name is what errors call the cluster, besides its brokers; may be empty.
	Name string
	// Brokers are the addresses, host:port, of one or more brokers to begin with.
	Brokers []string
	// ClientID is what the brokers' logs and quotas call this client; "spanway"
	// if empty.
	ClientID string
	// RetryBudget is how long one operation is tried again before it is given
	// up; 30 s if 0. A leader can be away for ten.
	RetryBudget time.Duration
	// Topics are the only ones that this client knows of; if it is empty it asks
	// for all of them every few seconds and whenever leaders move, which is much in a
	// large cluster. It must be empty for a client that creates topics.
	Topics []string
	// Security is how connections are secured; not at all if it is zero.
	Security Security
	// Logger is told of what is tried again for longer than a moment (see package
	// trouble); slog.Default() if nil.
	Logger *slog.Logger
	// Board is what shows that, and tells its own logger of it; if it is nil, one is made
	// that tells Logger.
	Board *trouble.Board
	// Dial opens the network connection beneath every other; plain TCP if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialTimeout bounds how long a new connection may take; 3 s if 0.
	DialTimeout time.Duration
	// Compression of what is appended; none if 0. Everything is read.
	Compression batch.Compression

	// metadataTTL is the usual one if it is 0; tests have another.
	metadataTTL time.Duration
}

const (
	// requestTimeout bounds one request and its answer, but for the time that a
	// fetch waits. The broker is given half of it to replicate a batch.
	requestTimeout     = 10 * time.Second
	defaultDialTimeout = 3 * time.Second
)

// Client is a connection pool to one cluster. It is safe for concurrent use.
type Client struct {
	config    Config
	addr      net.Addr
	transport *kafkago.Transport
	api       *kafkago.Client
	metrics   *messaging.Client
	strangers metric.Int64Counter
	board     *trouble.Board
	waiting   waiting
	knows     knowledge

	broken    atomic.Int64 // how often a connection turned out dead
	ids       atomic.Int32 // whether brokers tell IDs of topics
	refusal   atomic.Pointer[refusal]
	principal atomic.Value // string
	cluster   atomic.Value // string: its ID

	asking  singleflight.Group // of questions about one topic by name
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	known   map[string]bool  // addresses that answered
	asked   map[string]asked // topics that were asked for by name
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
	board := config.Board
	if board == nil {
		board = trouble.NewBoard(config.Logger)
	}
	c := &Client{
		config: config, addr: kafkago.TCP(config.Brokers...), conns: map[net.Conn]struct{}{}, known: map[string]bool{}, asked: map[string]asked{},
		metrics: messaging.NewClient(otel.Meter("github.com/spanway/spanway/internal/kafka")),
		board:   board, strangers: newStrangers(otel.Meter("github.com/spanway/spanway/internal/kafka")),
	}
	c.waiting = waiting{client: c, underway: map[*sharedFetch]struct{}{}}
	c.knows.asked = time.Now() // The first answer is not there yet.
	c.transport = &kafkago.Transport{
		Dial:        c.dial,
		DialTimeout: config.DialTimeout,
		MetadataTTL: cmp.Or(config.metadataTTL, metadataTTL), MetadataTopics: config.Topics,
		ClientID: config.ClientID,
	}
	c.api = &kafkago.Client{Addr: c.addr, Transport: requests{c}, Timeout: requestTimeout}
	return c
}

// Board has what is tried again on this connection: by its own calls, and by what is
// built on them.
func (c *Client) Board() *trouble.Board { return c.board }

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
	if !ended(err) && (ctx.Err() != nil || !timedOut(err)) {
		return
	}
	c.broken.Add(1)
	c.mu.Lock()
	// All that fail together need it once; what came back since is good.
	due := time.Since(c.dropped) > firstBackoff
	if due {
		c.dropped = time.Now()
		clear(c.known) // another broker may answer there, or the same one in another way
	}
	c.mu.Unlock()
	if due {
		c.transport.CloseIdleConnections()
	}
}

// brokers names the cluster in errors.
func (c *Client) brokers() string {
	at := strings.Join(c.config.Brokers, ",")
	if c.config.Name != "" {
		return c.config.Name + " (" + at + ")"
	}
	return at
}
