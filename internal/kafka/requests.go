package kafka

import (
	"context"
	"net"

	kafkago "github.com/segmentio/kafka-go"
)

// requests are those of a client. One that crosses with Close fails, but the
// Transport has begun anew for it by then, with a goroutine that would stay: it is
// let go of once more.
type requests struct{ of *Client }

// RoundTrip implements kafkago.RoundTripper.
func (r requests) RoundTrip(ctx context.Context, addr net.Addr, req kafkago.Request) (kafkago.Response, error) {
	if r.of.isClosed() {
		return nil, errClosed
	}
	return r.send(ctx, addr, req)
}

func (r requests) send(ctx context.Context, addr net.Addr, req kafkago.Request) (kafkago.Response, error) {
	m, err := r.of.transport.RoundTrip(ctx, addr, req)
	if r.of.isClosed() {
		r.of.transport.CloseIdleConnections()
	}
	return m, err
}
