package kafka

import (
	"context"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// requests are those of a client. One that crosses with Close fails, but the
// Transport has begun anew for it by then, with a goroutine that would stay: it is
// let go of once more.
type requests struct{ of *Client }

// RoundTrip implements kafkago.RoundTripper. A request that finds no way is sent once more if
// what is known of the cluster is not new.
func (r requests) RoundTrip(ctx context.Context, addr net.Addr, req kafkago.Request) (kafkago.Response, error) {
	if r.of.isClosed() {
		return nil, errClosed
	}
	m, err := r.send(ctx, addr, req)
	if err != nil && (unrouted(err) || lookedUp(req)) && ctx.Err() == nil && r.of.know(ctx, time.Now().Add(-metadataAge)) {
		return r.send(ctx, addr, req)
	}
	return m, err
}

func (r requests) send(ctx context.Context, addr net.Addr, req kafkago.Request) (kafkago.Response, error) {
	m, err := r.of.transport.RoundTrip(ctx, addr, req)
	if r.of.isClosed() {
		r.of.transport.CloseIdleConnections()
	}
	return m, err
}
