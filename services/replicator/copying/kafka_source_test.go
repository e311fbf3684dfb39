package copying

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// before is what is done before the next request for an end of a partition is sent, on any
// connection.
type before struct {
	mu sync.Mutex
	do func()
}

func (b *before) then(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.do = do
}

type beforeConn struct {
	net.Conn
	of *before
}

func (c beforeConn) Write(p []byte) (int, error) {
	const listOffsets = 2
	if len(p) > 5 && p[4] == 0 && p[5] == listOffsets {
		c.of.mu.Lock() // Both ends are asked for at once.
		if do := c.of.do; do != nil {
			c.of.do = nil
			do()
		}
		c.of.mu.Unlock()
	}
	return c.Conn.Write(p)
}

// Nothing of a topic is read as of the one before it, whether the broker proves the topic
// with each page (Kafka 3.1) or has to be asked.
func TestASourceThatIsCreatedAgain(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{"3.0": kversion.V3_0_0(), "3.1": kversion.V3_1_0()} {
		t.Run(name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(versions))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			p := &pair{t: t, from: events.ClusterPartition{Topic: "t"}}
			p.source = p.client(cluster.ListenAddrs()[0])
			again := func(n int) {
				if err := p.source.DeleteTopics(t.Context(), []string{"t"}); err != nil {
					t.Error(err)
				}
				awaitGone(t, p.source, "t")
				p.ensure(p.source, events.TopicSpec{Name: "t", Partitions: 1})
				p.produce(now(0, n)...)
			}
			var hook before
			reader := kafka.New(kafka.Config{Brokers: cluster.ListenAddrs(), Logger: slog.New(slog.DiscardHandler),
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
					return beforeConn{conn, &hook}, err
				}})
			defer reader.Close()
			s := NewSource(reader, "t", 0)
			p.ensure(p.source, events.TopicSpec{Name: "t", Partitions: 1})
			p.produce(now(0, 10)...)
			first, err := s.Read(t.Context(), 0, 0, Reading{})
			if err != nil || len(first.Records) != 10 {
				t.Fatal(first, err)
			}
			again(20)
			noPage(t, s, 10)
			second, err := s.Read(t.Context(), 10, time.Second, Reading{})
			if err != nil || len(second.Records) != 10 || second.ID == first.ID {
				t.Fatal(second, err)
			}
			// Its end is asked for by name, behind what was read.
			hook.then(func() { again(200) })
			noPage(t, s, 100)
		})
	}
}

// noPage reads in vain: the source says that the topic was created again.
func noPage(t *testing.T, s Source, from int64) {
	t.Helper()
	page, err := s.Read(t.Context(), from, time.Second, Reading{})
	var gone *kafka.TopicGone
	if !errors.As(err, &gone) && !errors.Is(err, errCreatedAgain) {
		t.Fatalf("a topic that was created again: %+v, %v", page, err)
	}
}
