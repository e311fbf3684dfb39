package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/events"
)

// patience bounds waits that only a hang would use up.
const patience = 60 * time.Second

// silent is a broker that accepts connections and never answers.
func silent(t *testing.T) (address string) {
	t.Helper()
	address, _ = heard(t)
	return address
}

// heard is a silent broker that tells of connections.
func heard(t *testing.T) (address string, connected <-chan struct{}) {
	t.Helper()
	told := make(chan struct{}, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, conn := range conns {
			conn.Close()
		}
	})
	return l.Addr().String(), told
}

// gone is an address at which nothing listens.
func gone(t *testing.T) (address string) { return porttest.Addr(t) }

func await[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("no end in %v: %s", patience, what)
	}
	return v
}

// A record that waits behind others has no other bound than one that does not: the time
// from Send, not that of each batch before it.
func TestTheBoundIsOfEachCallNotOfEachBatch(t *testing.T) {
	const budget, records = 300 * time.Millisecond, 40
	c := kafka.New(kafka.Config{Brokers: []string{gone(t)}, RetryBudget: budget, Logger: slog.New(slog.DiscardHandler)})
	defer c.Close()
	p := c.Producer(kafka.ProducerOptions{BatchBytes: 1})
	defer p.Close(t.Context())
	errs := make(chan error, records)
	began := time.Now()
	for range records {
		p.Send(t.Context(), "t", 0, one[0], func(_ int64, err error) { errs <- err })
	}
	unsent := 0
	for range records {
		err := await(t, "done of a record", errs)
		var never *kafka.Unsent
		if errors.As(err, &never) {
			unsent++
		}
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("it says %v; want what the broker said last", err)
		}
	}
	// Each batch has one record: they would take 40 times the budget one after the other.
	if took := time.Since(began); took > records*budget/2 {
		t.Errorf("the records were given up after %v; want about %v", took, budget)
	}
	if unsent < records/2 {
		t.Errorf("%d of %d are certain not to have been sent; want all but the first ones", unsent, records)
	}
}

// Whatever blocks a call, it ends with its context, and says of its record what is known.
func TestSendEndsWithItsContext(t *testing.T) {
	for name, broker := range map[string]func(*testing.T) string{"gone": gone, "silent": silent} {
		for _, forever := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := kafka.New(kafka.Config{Brokers: []string{broker(t)}, RetryBudget: time.Hour, Logger: slog.New(slog.DiscardHandler)})
				defer c.Close()
				p := c.Producer(kafka.ProducerOptions{Buffer: 2 * one[0].Size(), Forever: forever})
				ctx, cancel := context.WithCancel(t.Context())
				errs := make(chan error, 3)
				done := func(_ int64, err error) { errs <- err }
				p.Send(ctx, "t", 0, one[0], done)
				p.Send(ctx, "t", 0, one[0], done)
				blocked := make(chan struct{})
				go func() {
					defer close(blocked)
					p.Send(ctx, "t", 0, one[0], done) // The buffer is full.
				}()
				cancel()
				await(t, "a Send that waits for room", blocked)
				for range 3 {
					if err := await(t, "done", errs); !errors.Is(err, context.Canceled) {
						t.Errorf("it says %v; want that the context was cancelled", err)
					}
				}
				stopped, cancel := context.WithCancel(context.Background())
				cancel()
				_ = p.Close(stopped)
			})
		}
	}
}

// The end of one caller's context is no other caller's.
func TestACallerThatGivesUpTakesNobodyWithIt(t *testing.T) {
	b, c := start(t)
	ensure(t, c, "t", 1)
	p := c.Producer(kafka.ProducerOptions{})
	defer p.Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	left, right := make(chan error, 1), make(chan error, 1)
	b.Close() // Now both wait in one batch, or in two.
	p.Send(ctx, "t", 0, one[0], func(_ int64, err error) { left <- err })
	p.Send(t.Context(), "t", 0, one[0], func(_ int64, err error) { right <- err })
	cancel()
	if err := await(t, "the caller that gave up", left); !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	select {
	case err := <-right:
		t.Errorf("the other caller was told %v, too", err)
	default:
	}
	c.Close() // Nothing else ends it in this test.
	if err := await(t, "the other caller", right); errors.Is(err, context.Canceled) {
		t.Errorf("the other caller was told %v", err)
	}
}

// A caller that gives up when its batch is on its way already is told so, too.
func TestACallerGivesUpWhileItsBatchIsUnderWay(t *testing.T) {
	address, connected := heard(t)
	c := kafka.New(kafka.Config{Brokers: []string{address}, RetryBudget: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	defer c.Close()
	p := c.Producer(kafka.ProducerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errs := make(chan error, 1)
	p.Send(ctx, "t", 0, one[0], func(_ int64, err error) { errs <- err })
	await(t, "the batch is under way", connected)
	cancel()
	err := await(t, "the caller that gave up", errs)
	if never := new(kafka.Unsent); !errors.Is(err, context.Canceled) || errors.As(err, &never) {
		t.Errorf("it says %v; want that the context was cancelled, and that the outcome is not known", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	_ = p.Close(stopped)
}

// An Append that waits for another one waits no longer than its context.
func TestAppendEndsWithItsContextBehindAnother(t *testing.T) {
	c := kafka.New(kafka.Config{Brokers: []string{silent(t)}, RetryBudget: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	p := c.Partition("t", 0)
	first := make(chan struct{})
	go func() {
		defer close(first)
		_, _ = p.Append(t.Context(), one)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second := make(chan error, 1)
	go func() {
		_, err := p.Append(ctx, one)
		second <- err
	}()
	if err := await(t, "the second Append", second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it says %v", err)
	}
	c.Close()
	await(t, "the first Append", first)
}

// ledger is a log that tests read while it is written.
type ledger struct {
	mu  sync.Mutex
	b   bytes.Buffer
	new chan struct{}
}

func newLedger() *ledger { return &ledger{new: make(chan struct{}, 1)} }

func (l *ledger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.new <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

// await waits until a text is in the log.
func (l *ledger) await(t *testing.T, text string) {
	t.Helper()
	for late := time.After(patience); ; {
		l.mu.Lock()
		all := l.b.String()
		l.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-l.new:
		case <-late:
			t.Fatalf("%q is not in the log:\n%s", text, all)
		}
	}
}

// What is tried again inside of one call is told of long before the call gives up, and
// the client's board says so until it passes.
func TestWhatIsTriedAgainInsideACallIsTold(t *testing.T) {
	calls := map[string]func(ctx context.Context, c *kafka.Client){
		"read t/3":         func(ctx context.Context, c *kafka.Client) { _, _ = c.Partition("t", 3).Fetch(ctx, 0, 0) },
		"append 1 records": func(ctx context.Context, c *kafka.Client) { _, _ = c.Partition("t", 3).Append(ctx, one) },
		"read the offsets": func(ctx context.Context, c *kafka.Client) { _, _, _ = c.Offsets(ctx, "t", 3) },
		"list the topics":  func(ctx context.Context, c *kafka.Client) { _, _ = c.Topics(ctx, "") },
		"look for topic t": func(ctx context.Context, c *kafka.Client) { _, _ = c.AwaitTopic(ctx, "t") },
		"create and verify": func(ctx context.Context, c *kafka.Client) {
			_, _ = c.Ensure(ctx, []events.TopicSpec{{Name: "t", Partitions: 1}})
		},
		"delete the topics": func(ctx context.Context, c *kafka.Client) { _ = c.DeleteTopics(ctx, []string{"t"}) },
		"join group g": func(ctx context.Context, c *kafka.Client) {
			_ = c.Join(ctx, "g", "t", func(context.Context, *kafka.Generation) {})
		},
		"append what waits":    forever,
		"read the offsets of ": func(ctx context.Context, c *kafka.Client) { _ = c.DeleteRecords(ctx, "t", 0, 1) },
	}
	for text, call := range calls {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			log := newLedger()
			c := kafka.New(kafka.Config{Brokers: []string{gone(t)}, RetryBudget: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(log, nil))})
			defer c.Close()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				call(ctx, c)
			}()
			log.await(t, `msg="trying again" doing="`)
			if text == "append what waits" {
				for c.Board().Err() == nil || !strings.Contains(c.Board().Err().Error(), text) {
					await(t, "the board", time.After(10*time.Millisecond))
				}
			} else {
				log.await(t, text)
			}
			cancel()
			await(t, "the call", ended)
			if err := c.Board().Err(); err != nil {
				t.Errorf("the call has ended, and in the way is still %v", err)
			}
		})
	}
}

func forever(ctx context.Context, c *kafka.Client) {
	p := c.Producer(kafka.ProducerOptions{Forever: true})
	p.Send(ctx, "t", 0, one[0], nil)
	<-ctx.Done()
	_ = p.Close(ctx)
}

// A broker that advertises a name which nobody can resolve answers at first, and nothing
// after that works: which name it is, is told long before a call gives up.
func TestAnAdvertisedNameThatCannotBeResolvedIsTold(t *testing.T) {
	b, other := start(t)
	ensure(t, other, "t", 1)
	bootstrap := strings.Replace(b.Addr(), "127.0.0.1", "localhost", 1)
	log := newLedger()
	c := kafka.New(kafka.Config{
		Brokers: []string{bootstrap}, RetryBudget: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == b.Addr() { // As the broker advertises itself.
				return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
			}
			return (&net.Dialer{}).DialContext(ctx, network, b.Addr())
		},
	})
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = c.Offsets(ctx, "t", 0)
	}()
	log.await(t, "lookup "+b.Addr()+": no such host")
	cancel()
	await(t, "the call", ended)
}
