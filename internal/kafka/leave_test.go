package kafka_test

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
)

// stalled is a connection to a broker that is stopped: what is sent is taken, and never
// answered.
type stalled struct {
	net.Conn
	now  *atomic.Bool
	lost chan<- struct{} // room for one: something was sent
}

func (s stalled) Write(b []byte) (int, error) {
	if s.now.Load() {
		select {
		case s.lost <- struct{}{}:
		default:
		}
		return len(b), nil
	}
	return s.Conn.Write(b)
}

// A member of a group ends soon, and says what it waits for, while the broker is stopped:
// it does not connect again to leave, which would wait for an answer once more.
func TestAMemberLeavesAStoppedBroker(t *testing.T) {
	b, other := start(t)
	ensure(t, other, "t", 1)
	var stop atomic.Bool
	log, lost := newLedger(), make(chan struct{}, 1)
	c := kafka.New(kafka.Config{
		Brokers: []string{b.Addr()}, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return stalled{conn, &stop, lost}, err
		},
	})
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	joined, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Join(ctx, "g", "t", func(ctx context.Context, _ *kafka.Generation) {
			select {
			case joined <- struct{}{}:
			default:
			}
			<-ctx.Done()
		})
	}()
	await(t, "joining", joined)
	stop.Store(true)
	await(t, "a heartbeat", lost) // of which leaving waits for the answer
	began := time.Now()
	cancel()
	await(t, "leaving", ended)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it left after %v; want about 2 s, and less than a request waits for its answer", took)
	}
	log.await(t, "leave group g for topic t")
}
