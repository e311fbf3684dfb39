package kafka_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// unheard is a connection that ends where an answer should come.
type unheard struct{ net.Conn }

func (unheard) Read([]byte) (int, error) { return 0, io.EOF }

// A network that cuts connections is no broker that demands a password: that the embedded
// broker tells which mechanisms it takes, though it demands none, is no evidence.
func TestConnectionsThatAreCutDemandNoPassword(t *testing.T) {
	b, _ := start(t)
	for _, cut := range []int32{1, 2, 3, 4} {
		var dialled atomic.Int32
		c := kafka.New(kafka.Config{
			Brokers: []string{b.Addr()},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err == nil && dialled.Add(1) <= cut {
					conn = unheard{conn}
				}
				return conn, err
			},
		})
		if _, err := c.Topics(t.Context(), ""); err != nil {
			t.Errorf("after %d connections were cut: %v", cut, err)
		}
		c.Close()
	}
}
