package watermillkafka_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill"

	"github.com/spanway/spanway/pkg/watermillkafka"
)

// errorLog remembers the errors that are logged.
type errorLog struct {
	watermill.NopLogger

	mu     sync.Mutex
	errors []string
}

func (l *errorLog) Error(msg string, err error, fields watermill.LogFields) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors = append(l.errors, fmt.Sprint(msg, ": ", err, " ", fields))
}

func (l *errorLog) With(watermill.LogFields) watermill.LoggerAdapter { return l }

// expect wants an error with those words.
func (l *errorLog) expect(t *testing.T, words string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !strings.Contains(strings.Join(l.errors, "\n"), words) {
		t.Errorf("no error says %q: %q", words, l.errors)
	}
}

func (c *cluster) subscriberLoggingTo(log watermill.LoggerAdapter, change ...func(*watermillkafka.SubscriberConfig)) *watermillkafka.Subscriber {
	c.tb.Helper()
	config := watermillkafka.SubscriberConfig{Brokers: []string{c.addr}, ConsumerGroup: "g"}
	for _, f := range change {
		f(&config)
	}
	s, err := watermillkafka.NewSubscriber(config, log)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() { s.Close() })
	return s
}
