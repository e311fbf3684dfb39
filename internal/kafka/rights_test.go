package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
)

// An operation that needs no topic asks for none, whatever its error is.
func TestNoTopicIsNotAskedFor(t *testing.T) {
	dialed := 0
	c := New(Config{Brokers: []string{"broker:9092"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		dialed++
		return nil, errors.New("away")
	}})
	defer c.Close()
	for _, topic := range []string{"", "t"} {
		if err := c.hidden(t.Context(), topic); err != nil {
			t.Errorf("%q: %v", topic, err)
		}
		if want := len(topic); dialed != want {
			t.Errorf("%q: %d connections, want %d", topic, dialed, want)
		}
	}
}
