package watermillkafka_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// nowhere is a listener that answers nothing, and an address where nothing listens.
func nowhere(t *testing.T) (silent, gone string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), porttest.Addr(t)
}

// Publish has one bound for the whole call, and PublishContext that of its context, too.
func TestPublishEndsWithItsBound(t *testing.T) {
	silent, gone := nowhere(t)
	for name, broker := range map[string]string{"silent": silent, "gone": gone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publisherAt(t, broker, time.Hour)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := p.PublishContext(ctx, "t", messages(3)...); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("PublishContext says %v", err)
			}
			if err := publisherAt(t, broker, 100*time.Millisecond).Publish("t", messages(3)...); err == nil {
				t.Error("Publish says that it succeeded")
			}
		})
	}
}

// The same when the broker goes after the topic is known: then the messages wait in the
// producer, each in a batch of its own. That of a cancelled call is not waited for.
func TestPublishEndsWithItsBoundWhenTheBrokerIsMute(t *testing.T) {
	c := newCluster(t, 4)
	through := newProxy(t, c.addr)
	p, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Cluster: c.through(through), PublishTimeout: time.Hour, CloseTimeout: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Publish("t", messages(1)...); err != nil {
		t.Fatal(err)
	}
	through.mute.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	large := messages(40)
	for _, m := range large {
		m.Payload = []byte(strings.Repeat("x", 500_000)) // More than the producer's buffer.
	}
	go func() { ended <- p.PublishContext(ctx, "t", large...) }()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it says %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end with its context")
	}
}

func publisherAt(t *testing.T, broker string, timeout time.Duration) *watermillkafka.Publisher {
	t.Helper()
	p, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Brokers: []string{broker}, PublishTimeout: timeout, CloseTimeout: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func messages(n int) []*message.Message {
	out := make([]*message.Message, n)
	for i := range out {
		out[i] = message.NewMessage("m", []byte("x"))
	}
	return out
}
