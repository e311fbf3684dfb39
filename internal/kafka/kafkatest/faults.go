package kafkatest

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/kafka"
)

// fault is what becomes of the next Produce request on any connection.
type fault int32

const (
	none fault = iota
	loseRequest
	loseAnswer
)

// network breaks connections when it is told to.
type network struct {
	next   atomic.Int32
	broken atomic.Int32 // how often it did
	down   atomic.Bool  // nothing goes through any more
}

func (n *network) dial(config *kafka.Config) {
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if n.down.Load() {
			return nil, net.ErrClosed
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &brokenConn{Conn: conn, network: n}, nil
	}
}

// brokenConn breaks at a Produce request. The client writes a request in one
// call, or its beginning at least.
type brokenConn struct {
	net.Conn
	network *network
	loses   atomic.Bool // the answer that comes next
}

func (c *brokenConn) Write(b []byte) (int, error) {
	const produce = 0
	if c.network.down.Load() {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	if len(b) < 6 || binary.BigEndian.Uint16(b[4:]) != produce {
		return c.Conn.Write(b)
	}
	switch fault(c.network.next.Swap(int32(none))) {
	case loseRequest:
		c.network.broken.Add(1)
		c.Conn.Close()
		return 0, net.ErrClosed
	case loseAnswer:
		c.loses.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *brokenConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.loses.Swap(false) {
		c.network.broken.Add(1)
		c.Conn.Close()
		return 0, net.ErrClosed // the broker has done it, and nobody hears of it
	}
	return n, err
}

func lostAcknowledgement(t *testing.T, b Broker) { lossy(t, b, loseAnswer) }
func lostRequest(t *testing.T, b Broker)         { lossy(t, b, loseRequest) }

func lossy(t *testing.T, b Broker, f fault) {
	var n network
	c := client(t, b, n.dial)
	p := c.Partition(topic(t, c, 1, nil), 0)
	var want []string
	for i := range 5 {
		batch := values(string(rune('a'+i)), 3)
		n.next.Store(int32(f))
		if base := appended(t, p, batch); base != int64(3*i) {
			t.Fatalf("batch %d stands at %d", i, base)
		}
		want = append(want, texts(batch)...)
	}
	if n.broken.Load() != 5 {
		t.Fatalf("%d connections broke; the test proves nothing", n.broken.Load())
	}
	got, _ := readAll(t, p, 0)
	if d := cmp.Diff(want, texts(got)); d != "" {
		t.Fatal(d)
	}
}

func expiredProducer(t *testing.T, b Broker) {
	if !b.ForgetsProducers {
		t.Skip("NOT TESTED: this broker never forgets an idle producer")
	}
	expireProducers(t, b, "2000")
	defer expireProducers(t, b, "86400000") // or what follows could see doubles
	c := client(t, b)
	name := topic(t, c, 1, nil)
	p := c.Partition(name, 0)
	for i := range 3 {
		if base := appended(t, p, values("x", 4)); base != int64(4*i) {
			t.Fatal(base)
		}
		awaitNoProducer(t, b, name)
	}
	if got, _ := readAll(t, p, 0); len(got) != 12 {
		t.Fatal(texts(got))
	}
}

// expireProducers sets after how many milliseconds idle producers are forgotten.
// The broker counts from the timestamp of a producer's last record.
func expireProducers(t *testing.T, b Broker, millis string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "producer.id.expiration.ms", &millis
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType = kmsg.ConfigResourceTypeBroker // all of them, having no name
	resource.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{config}
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{resource}
	r, err := req.RequestWith(limited(t), other(t, b))
	if err == nil {
		err = kerr.ErrorForCode(r.Resources[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// awaitNoProducer waits until the broker remembers no producer of a topic.
func awaitNoProducer(t *testing.T, b Broker, topic string) {
	t.Helper()
	o := other(t, b)
	req := kmsg.NewPtrDescribeProducersRequest()
	rt := kmsg.NewDescribeProducersRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{0}
	req.Topics = []kmsg.DescribeProducersRequestTopic{rt}
	eventually(t, "the broker forgets the producer", func() bool {
		for _, shard := range o.RequestSharded(limited(t), req) {
			r, ok := shard.Resp.(*kmsg.DescribeProducersResponse)
			if shard.Err != nil || !ok {
				t.Fatal(shard.Err)
			}
			for _, p := range r.Topics[0].Partitions {
				if p.ErrorCode != 0 || len(p.ActiveProducers) > 0 {
					return false
				}
			}
		}
		return true
	})
}
