package commands

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/spanway/spanway/pkg/events"
)

// Config of a router. Only DeadLetters has no default.
type Config struct {
	// DeadLetters publishes what cannot be handled. The router does not close it,
	// unlike the publishers that its handlers are added with.
	DeadLetters message.Publisher
	// Topic of dead letters; "spanway.deadletter" if empty. It must exist.
	Topic string
	// Retries is how often a message that failed is tried again; 5 if 0, never if
	// negative. While it is, the messages behind it in its partition wait.
	Retries int
	// Pause is before the first retry; 100 ms if 0. Each following one is twice as
	// long, at most MaxPause (10 s if 0), and all vary by half at random.
	Pause, MaxPause time.Duration
	// CloseTimeout bounds how long Close waits for handlers; 30 s if 0.
	CloseTimeout time.Duration
	// Logger takes what an operator should know; slog.Default() if nil.
	Logger *slog.Logger
}

const (
	defaultRetries  = 5
	defaultPause    = 100 * time.Millisecond
	defaultMaxPause = 10 * time.Second
)

// NewRouter makes a router. Add handlers, then Run it until its context ends.
func NewRouter(c Config) (*message.Router, error) {
	if c.DeadLetters == nil {
		return nil, errors.New("make a router: DeadLetters is nil; give a publisher for what cannot be handled")
	}
	c.setDefaults()
	logger := quiet{watermill.NewSlogLogger(c.Logger), c.Logger}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: c.CloseTimeout}, logger)
	if err != nil {
		return nil, fmt.Errorf("make a router: %w", err)
	}
	poison, err := middleware.PoisonQueueWithFilter(c.DeadLetters, c.Topic, isPoison)
	if err != nil {
		return nil, fmt.Errorf("make a router with dead letters on %q: %w", c.Topic, err)
	}
	retry := middleware.Retry{
		MaxRetries: max(c.Retries, 0), InitialInterval: c.Pause, MaxInterval: c.MaxPause, Multiplier: 2, RandomizationFactor: 0.5,
		ShouldRetry:         func(p middleware.RetryParams) bool { return !errors.As(p.Err, new(*poisonError)) },
		ResetContextOnRetry: true, Logger: logger,
	}
	router.AddMiddleware(correlate, poison, process, interrupted, again(retry), middleware.Recoverer)
	return router, nil
}

func (c *Config) setDefaults() {
	if c.Topic == "" {
		c.Topic = events.Topics{Prefix: events.DefaultPrefix}.DeadLetters()
	}
	if c.Retries == 0 {
		c.Retries = defaultRetries
	}
	if c.Pause <= 0 {
		c.Pause = defaultPause
	}
	if c.MaxPause <= 0 {
		c.MaxPause = defaultMaxPause
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Poison marks the error of a message that cannot be handled however often it is
// tried. Poison(nil) is nil.
func Poison(err error) error {
	if err == nil {
		return nil
	}
	return &poisonError{err}
}

type poisonError struct{ error }

func (p *poisonError) Unwrap() error { return p.error }

// interruptedError is of a message whose context ended while it was handled.
type interruptedError struct{ error }

func (i *interruptedError) Unwrap() error { return i.error }

func isPoison(err error) bool { return !errors.As(err, new(*interruptedError)) }

// interrupted tells errors that say nothing about the message from the others.
func interrupted(h message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := m.Context()
		produced, err := h(m)
		if err != nil && ctx.Err() != nil && !errors.As(err, new(*poisonError)) {
			err = &interruptedError{err}
		}
		return produced, err
	}
}
