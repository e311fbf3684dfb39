package ids

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// network is one that can be cut.
type network struct {
	away atomic.Bool
	mu   sync.Mutex
	open []io.Closer
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.away.Load() {
		return nil, errors.New("the network is away")
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		n.mu.Lock()
		n.open = append(n.open, conn)
		n.mu.Unlock()
	}
	return conn, err
}

func (n *network) cut() {
	n.away.Store(true)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.open {
		_ = conn.Close()
	}
}

// begun is a client whose requests are of one partition and that reads answers already,
// though no allocator runs.
func begun(t *testing.T) (*Client, *network) {
	t.Helper()
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	n := new(network)
	at, err := cluster.Open(cluster.Config{Brokers: broker.Addrs(), Dial: n.dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := at.Ensure(t.Context(), events.Specs(topics.UsedBy(events.RoleAllocator))); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Cluster: at})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.requests.made.Store(0)
	if _, err := c.ready(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	return c, n
}

// ask asks for a range; the error is told when it ends.
func ask(ctx context.Context, c *Client, owner string) <-chan error {
	told := make(chan error, 1)
	go func() {
		_, err := c.Grant(ctx, Want{Space: "s", Owner: owner})
		told <- err
	}()
	return told
}

// stand has requests stand together: they are sent once all of them wait.
func stand(t *testing.T, c *Client, asks ...func() <-chan error) (told []<-chan error) {
	t.Helper()
	c.together.mu.Lock()
	c.together.sending = true
	c.together.mu.Unlock()
	for _, ask := range asks {
		told = append(told, ask())
	}
	for waiting := 0; waiting < len(asks); runtime.Gosched() {
		c.together.mu.Lock()
		waiting = len(c.together.waiting)
		c.together.mu.Unlock()
	}
	if !c.run(c.sendWaiting) {
		t.Fatal("it is closed")
	}
	return told
}

// owners are those whose requests are in the log, up to the last one's.
func owners(t *testing.T, c *Client, last string) (all []string) {
	t.Helper()
	log := c.cfg.Cluster.Partition(c.requestTopic, 0)
	for at := int64(0); !slices.Contains(all, last); {
		page, err := log.Fetch(t.Context(), at, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Records {
			switch m, _ := events.Message(&page.Records[i]); m := m.(type) {
			case *events.IdsRangesRequested:
				for _, r := range m.Ranges {
					all = append(all, r.Owner)
				}
			case *events.IdsRangeRequested:
				all = append(all, m.Owner)
			}
		}
		at = page.Next
	}
	return all
}

func unanswered(t *testing.T, told <-chan error, want error) {
	t.Helper()
	var u *Unanswered
	if err := <-told; !errors.As(err, &u) || !errors.Is(err, want) {
		t.Errorf("it ends with %v, want %v", err, want)
	}
}

// What nobody waits for any more is not sent when the broker is back, whether it stands
// together or alone; what one of them waits for is.
func TestWhatNobodyWaitsForIsNotSent(t *testing.T) {
	c, n := begun(t)
	n.cut()
	c.cfg.Timeout = 50 * time.Millisecond
	gone := func() <-chan error { return ask(context.Background(), c, "gone") }
	told := append(stand(t, c, gone, gone, gone), stand(t, c, gone)...)
	for _, told := range told {
		unanswered(t, told, context.DeadlineExceeded)
	}
	c.cfg.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	first, leave := context.WithCancel(t.Context())
	told = stand(t, c,
		func() <-chan error { return ask(first, c, "first") },
		func() <-chan error { return ask(ctx, c, "last") })
	leave()
	unanswered(t, told[0], context.Canceled)
	n.away.Store(false)
	if all := owners(t, c, "last"); slices.Contains(all, "gone") {
		t.Errorf("sent are those of %q", all)
	}
	cancel()
	unanswered(t, told[1], context.Canceled)
}

// sending tells whether a request that is waited for is being sent.
func (c *Client) sending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tails {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, w := range t.waiters {
			return w.record.Load() != nil
		}
	}
	return false
}

// While the producer has no room no caller is held by what others wait for.
func TestNoCallerIsHeldByOthers(t *testing.T) {
	c, n := begun(t)
	_ = c.producer.Close(t.Context())
	c.producer = c.cfg.Cluster.Kafka().Producer(kafka.ProducerOptions{Buffer: 1})
	n.cut()
	ctx, cancel := context.WithCancel(t.Context())
	full := make(chan error, 1)
	c.producer.Send(ctx, c.requestTopic, 0, events.Record{Key: []byte("full")}, func(_ int64, err error) { full <- err })
	first, leave := context.WithCancel(t.Context())
	one := ask(first, c, "one")
	for !c.sending() {
		runtime.Gosched()
	}
	two := stand(t, c, func() <-chan error { return ask(ctx, c, "two") })
	leave()
	unanswered(t, one, context.Canceled)
	n.away.Store(false)
	owners(t, c, "two")
	cancel()
	if err := <-full; err != nil {
		t.Error(err)
	}
	unanswered(t, two[0], context.Canceled)
}

// Once a client is closed nothing but that is told, whatever else is at hand.
func TestNothingIsGrantedByAClosedClient(t *testing.T) {
	c, _ := begun(t)
	told := ask(t.Context(), c, "before")
	owners(t, c, "before")
	c.Close()
	unanswered(t, told, ErrClosed)
	w := newWaiter(t.Context(), time.Now().Add(time.Minute), "s", "r", events.TypeIdsRangeRequested)
	for range 50 {
		var u *Unanswered // It was not asked.
		if _, err := c.Grant(t.Context(), Want{Space: "s"}); !errors.Is(err, ErrClosed) || errors.As(err, &u) {
			t.Errorf("a closed client says %v", err)
		}
		w.sent(0, errors.New("the producer is closed"))
		if _, err := c.await(t.Context(), w, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("who waited is told %v", err)
		}
	}
}

// When a grant ended is not looked up beyond the time that its answer is waited for.
func TestWhenAGrantEndedIsNotLookedUpForLong(t *testing.T) {
	c, n := begun(t)
	n.cut()
	w := newWaiter(context.Background(), time.Now(), "s", "r", events.TypeIdsRangeRequested)
	w.tell(news{answer: &events.IdsAnswered{Space: "s", RequestId: "r", Code: string(events.CodeGrantEnded), Ended: 1}})
	began := time.Now()
	if _, err := c.await(context.Background(), w, nil); !IsRefused(err, events.CodeGrantEnded) || time.Since(began) > 10*time.Second {
		t.Errorf("after %v it is %v", time.Since(began), err)
	}
}

// A request whose trace is not kept may stand with others: so does it on its way on.
func TestWhatTraceStandsAlone(t *testing.T) {
	for flags, joins := range map[trace.TraceFlags]bool{0: true, trace.FlagsSampled: false} {
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags,
		}))
		if got := new(together).joins(ctx, &events.IdsRangeRequested{}); got != joins {
			t.Errorf("with the flags %v it stands with others: %v", flags, got)
		}
	}
}
