package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// Config says where the brokers are and who asks.
type Config struct {
	// Brokers are host:port addresses, one or more, to begin with. With them the
	// client opens a connection of its own.
	Brokers []string
	// Cluster is a connection that others use too, in place of Brokers. The client
	// does not close it.
	Cluster *cluster.Cluster
	// Prefix of the topics; "spanway." if empty.
	Prefix string
	// Source becomes the ce_source of commands, such as "/shop"; "/spanway/client" if empty.
	Source string
	// JSON writes commands as JSON instead of protobuf.
	JSON bool
	// DialTimeout is how long Check waits for a broker; 3 s if 0.
	DialTimeout time.Duration
	// Logger is told what is tried again for more than a second, then every half
	// minute, and when that is over. If it is nil, that of Cluster is; slog.Default()
	// without one.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Cluster != nil {
		c.Brokers = c.Cluster.Brokers()
	}
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Source == "" {
		c.Source = "/spanway/client"
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = 3 * time.Second
	}
	return c
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	if err := events.CheckPrefix(c.Prefix); err != nil {
		return fmt.Errorf("client config: %w", err)
	}
	if c.Cluster != nil {
		return nil
	}
	if len(c.Brokers) == 0 {
		return errors.New("client config: Brokers is empty; give at least one host:port, such as 127.0.0.1:29092, or an open Cluster")
	}
	for _, b := range c.Brokers {
		if !strings.Contains(b, ":") {
			return fmt.Errorf("client config: broker %q has no port; give host:port, such as %s:9092", b, b)
		}
	}
	return nil
}

// Client asks for work and reads what became of it. It is safe for concurrent
// use; close it when done.
type Client struct {
	cfg     Config
	topics  events.Topics
	encoder events.Encoder
	broker  broker
	board   *trouble.Board
	checks  *request.Checker
	sends   messaging.Spans

	// ctx ends with Close and stops the tails.
	ctx  context.Context
	stop context.CancelFunc

	asking asking

	mu    sync.Mutex
	tails map[int32]*tail
	work  sync.WaitGroup
}

// New makes a client; it connects on first use.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b, err := dial(cfg)
	if err != nil {
		return nil, err
	}
	return newClient(cfg, b), nil
}

func newClient(cfg Config, b broker) *Client {
	ctx, stop := context.WithCancel(context.Background())
	return &Client{
		cfg:     cfg,
		topics:  events.Topics{Prefix: cfg.Prefix},
		encoder: events.Encoder{Source: cfg.Source, JSON: cfg.JSON},
		broker:  b,
		board:   boardOf(cfg, b),
		checks:  request.New(nil),
		sends:   messaging.Sends(messaging.Tracer(scope), events.Topics{Prefix: cfg.Prefix}.Requests()),
		ctx:     ctx,
		stop:    stop,
		tails:   map[int32]*tail{},
	}
}

// boardOf is where the client tells of what it tries again: with the connection, if both
// have one logger.
func boardOf(cfg Config, b broker) *trouble.Board {
	if c, ok := b.(*connection); ok && (cfg.Cluster == nil || cfg.Logger == nil) {
		return c.board()
	}
	return trouble.NewBoard(cfg.Logger)
}

// Topics names the topics that the client uses.
func (c *Client) Topics() events.Topics { return c.topics }

// Close sends what was submitted (for at most ctx), then ends all waiting.
func (c *Client) Close(ctx context.Context) error {
	err := c.line(ctx)
	if closed := c.broker.Close(ctx); err == nil {
		err = closed
	}
	c.stop()
	c.work.Wait()
	if err != nil {
		return fmt.Errorf("close the client of %s: %w", strings.Join(c.cfg.Brokers, ","), err)
	}
	return nil
}

// Check tells within the dial timeout whether a broker answers and has the topics of tasks;
// the error is *Unavailable.
func (c *Client) Check(ctx context.Context) error { return c.CheckFor(ctx, c.topics.Events()) }

// CheckFor is Check for a topic of another kind, such as that of identifiers; if it is empty,
// it is enough that a broker answers.
func (c *Client) CheckFor(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	unavailable := &Unavailable{Brokers: c.cfg.Brokers, Prefix: c.cfg.Prefix, Topic: topic}
	topics, err := c.broker.Topics(ctx, c.topics.Prefix)
	if err != nil {
		unavailable.Err = err
		return unavailable
	}
	for _, t := range topics {
		if t.Name == topic {
			return nil
		}
	}
	if topic == "" {
		return nil
	}
	// A list leaves out what one has no right to know of; what is asked for by name is told of.
	if unavailable.Err = c.broker.Hidden(ctx, topic); unavailable.Err == nil {
		unavailable.Err = ctx.Err() // Nothing was answered: it is not known that there is no such topic.
	}
	return unavailable
}

// TopicInfo is a topic as the broker has it.
type TopicInfo struct {
	Name       string
	Partitions int32
}

// ListTopics lists the topics under the client's prefix, by name.
func (c *Client) ListTopics(ctx context.Context) ([]TopicInfo, error) {
	topics, err := c.broker.Topics(ctx, c.topics.Prefix)
	if err != nil {
		return nil, &Unavailable{Brokers: c.cfg.Brokers, Prefix: c.cfg.Prefix, Err: err}
	}
	return topics, nil
}

// Offsets returns the first offset that a partition still holds and the one
// that its next record will get.
func (c *Client) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	start, end, err = c.broker.Offsets(ctx, topic, partition)
	if err != nil {
		err = fmt.Errorf("look up the offsets of %s/%d: %w", topic, partition, err)
	}
	return start, end, err
}
