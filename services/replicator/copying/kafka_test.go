package copying

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

func TestEmbeddedCopies(t *testing.T) {
	testCopies(t, embeddedBroker(t), embeddedBroker(t))
}

func embeddedBroker(tb testing.TB) string {
	tb.Helper()
	b, err := embedded.Start(embedded.Config{DataDir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b.Addr()
}

// testCopies is what must hold between any two clusters.
func testCopies(t *testing.T, source, target string) {
	t.Run("10,000 records over restarts", func(t *testing.T) { restarts(t, newPair(t, source, target, "restarts")) })
	t.Run("acknowledgements that are lost", func(t *testing.T) { lostAnswers(t, newPair(t, source, target, "answers")) })
	t.Run("a zombie that goes on while the new writer runs", func(t *testing.T) { zombie(t, newPair(t, source, target, "zombie")) })
	t.Run("a source that is created again with more records", func(t *testing.T) { createdAgain(t, newPair(t, source, target, "recreated")) })
	t.Run("records of all kinds", func(t *testing.T) { allKinds(t, newPair(t, source, target, "kinds")) })
	t.Run("what is not committed, and what was aborted", func(t *testing.T) { aborted(t, newPair(t, source, target, "aborted")) })
	t.Run("a target that is created again", func(t *testing.T) { targetCreatedAgain(t, newPair(t, source, target, "target")) })
	t.Run("a transaction that hangs in the target", func(t *testing.T) { foreign(t, newPair(t, source, target, "foreign"), target) })
	t.Run("an end of the source that is lost", func(t *testing.T) { lostEnd(t, newPair(t, source, target, "end")) })
	t.Run("the pages of a proof", func(t *testing.T) { proofIsSmall(t, newPair(t, source, target, "proof")) })
	t.Run("checkpoints", func(t *testing.T) {
		p := newPair(t, source, target, "checkpoints")
		testCheckpoints(t, func() Checkpoints { return NewCheckpoints(p.target, p.checkpoints, "/spanway/test/replicator", nil) })
	})
}

// pair is a partition that is copied from a cluster to another.
type pair struct {
	t              *testing.T
	source, target *kafka.Client
	from, to       events.ClusterPartition
	checkpoints    string // topic
	letters        string // topic
	at             string // the address of the source
}

func newPair(t *testing.T, source, target, topic string) *pair {
	t.Helper()
	p := &pair{
		t: t, from: events.ClusterPartition{Cluster: "ams", Topic: topic}, to: events.ClusterPartition{Cluster: "fra", Topic: "ams-" + topic},
		checkpoints: topic + ".checkpoints", letters: topic + ".deadletter", at: source,
	}
	p.source, p.target = p.client(source), p.client(target)
	p.ensure(p.source, events.TopicSpec{Name: topic, Partitions: 1})
	p.ensure(p.target,
		events.TopicSpec{Name: p.to.Topic, Partitions: 1, Config: map[string]string{"max.message.bytes": "100000"}},
		events.TopicSpec{Name: p.checkpoints, Partitions: events.CheckpointPartitions, Config: map[string]string{"cleanup.policy": "compact"}},
		events.TopicSpec{Name: p.letters, Partitions: 1})
	return p
}

func (p *pair) client(addr string) *kafka.Client {
	c := kafka.New(kafka.Config{Brokers: []string{addr}, Logger: slog.New(slog.DiscardHandler)})
	p.t.Cleanup(c.Close)
	return c
}

func (p *pair) ensure(c *kafka.Client, topics ...events.TopicSpec) {
	p.t.Helper()
	if _, err := c.Ensure(p.t.Context(), topics); err != nil {
		p.t.Fatal(err)
	}
}

// config is that of a Copier with clients of its own, which the test may spoil.
func (p *pair) config(change func(*kafka.Config)) Config {
	source, target := p.source.Like(change), p.target.Like(change)
	p.t.Cleanup(source.Close)
	p.t.Cleanup(target.Close)
	s := NewSource(source, p.from.Topic, 0)
	s.(*kafkaSource).settle = 10 * time.Millisecond
	return Config{
		Copy: mirror.Config{Source: p.from, Target: p.to, MaxBatch: 90_000, On: mirror.Policies{Recreated: mirror.GoOn, Overtaken: mirror.GoOn, Uncopyable: mirror.GoOn}},
		ID:   "ams/" + p.from.Topic + "/0/" + p.to.Topic, Source: s,
		Target:      NewTarget(target, kafka.FenceConfig{ID: "mirror/" + p.to.Topic + "/0", Topic: p.to.Topic}, batch.None),
		Checkpoints: NewCheckpoints(target, p.checkpoints, "/spanway/test/replicator", nil),
		Letters:     NewLetters(target, p.letters, "/spanway/test/replicator"),
		Logger:      slog.New(slog.DiscardHandler),
	}
}

func untouched(*kafka.Config) {}

// produce appends to the source.
func (p *pair) produce(records ...events.Record) {
	p.t.Helper()
	for chunk := range slices.Chunk(records, 100) {
		if _, err := p.source.Partition(p.from.Topic, 0).Append(p.t.Context(), chunk); err != nil {
			p.t.Fatal(err)
		}
	}
}

// now are records of now: the fence of a broker ends with old ones.
func now(from, n int) []events.Record {
	all := numbered(from, n)
	for i := range all {
		all[i].Timestamp = time.Now().UnixMilli()
	}
	return all
}

// read reads all of a partition.
func read(t *testing.T, c *kafka.Client, topic string) (all []events.Record) {
	t.Helper()
	start, end, err := c.Offsets(t.Context(), topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	for log := c.Partition(topic, 0); start < end; {
		page, err := log.Fetch(t.Context(), start, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		all, start = append(all, page.Records...), page.Next
	}
	return all
}

// compare compares all that stands on both sides.
func (p *pair) compare(generation uint32) {
	p.t.Helper()
	if err := p.compared(generation); err != nil {
		p.t.Error(err)
	}
}

func (p *pair) compared(generation uint32) error {
	p.t.Helper()
	return compare(p.from, p.to, read(p.t, p.source, p.from.Topic), read(p.t, p.target, p.to.Topic), generation)
}

func restarts(t *testing.T, p *pair) {
	const n = 10_000
	p.produce(now(0, n)...)
	for at := int64(n / 5); at <= n; at += n / 5 {
		r := start(t, p.config(untouched))
		r.until("a part is copied", func(r *Report) bool { return r.Next >= at })
		r.stop()
		if at == n/5*3 { // The checkpoints are lost.
			if err := p.target.DeleteTopics(t.Context(), []string{p.checkpoints}); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, p.target, p.checkpoints)
			p.ensure(p.target, events.TopicSpec{Name: p.checkpoints, Partitions: events.CheckpointPartitions})
		}
	}
	p.compare(1)
}

func awaitGone(t *testing.T, c *kafka.Client, topic string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patient); ; <-tick.C {
		if n, err := c.Partitions(t.Context(), topic); err == nil && n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("topic %s does not go", topic)
		}
	}
}

// lossy are connections whose answers to Produce requests are lost from time to time: the
// broker has done it, and the connection ends.
type lossy struct {
	every, seen, lost atomic.Int64
}

func (l *lossy) spoil(cfg *kafka.Config) {
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &lossyConn{Conn: conn, of: l}, err
	}
}

type lossyConn struct {
	net.Conn
	of    *lossy
	loses atomic.Bool
}

func (c *lossyConn) Write(b []byte) (int, error) {
	const produce = 0
	if len(b) > 5 && b[4] == 0 && b[5] == produce && c.of.every.Load() > 0 && c.of.seen.Add(1)%c.of.every.Load() == 0 {
		c.loses.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.loses.Swap(false) {
		c.of.lost.Add(1)
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func lostAnswers(t *testing.T, p *pair) {
	p.produce(now(0, 10_000)...)
	var l lossy
	l.every.Store(2)
	// A budget that is spent at once makes each lost answer an unknown outcome.
	r := start(t, p.config(func(cfg *kafka.Config) { l.spoil(cfg); cfg.RetryBudget = time.Millisecond }))
	r.until("all but the end is copied, or much is lost", func(r *Report) bool { return r.Next >= 9_000 || l.lost.Load() >= 10 })
	l.every.Store(0)
	r.until("all is copied", next(10_000))
	if l.lost.Load() < 3 {
		t.Errorf("%d answers were lost: the test proves nothing", l.lost.Load())
	}
	p.compare(1)
}

// gate is a Target that can be held before an append, as a process that was stopped.
type gate struct {
	Target
	held   chan struct{} // closed when it is held
	goOn   chan struct{} // closed when it may go on
	once   sync.Once
	result chan error // of the append that was held
}

func newGate(of Target) *gate {
	return &gate{Target: of, held: make(chan struct{}), goOn: make(chan struct{}), result: make(chan error, 1)}
}

func (g *gate) Append(ctx context.Context, records []events.Record) (base int64, err error) {
	held := false
	g.once.Do(func() { held = true })
	if held {
		close(g.held)
		<-g.goOn
	}
	base, err = g.Target.Append(ctx, records)
	if held {
		g.result <- err
	}
	return base, err
}

func zombie(t *testing.T, p *pair) {
	p.produce(now(0, 2000)...)
	cfg := p.config(untouched)
	g := newGate(cfg.Target)
	cfg.Target = g
	old := start(t, cfg)
	await(t, g.held, "an append")
	fresh := start(t, p.config(untouched))
	fresh.until("all is copied", next(2000))
	close(g.goOn)
	var fenced *kafka.WriterFenced
	if err := <-g.result; !errors.As(err, &fenced) {
		t.Errorf("the zombie was answered %v", err)
	}
	old.stop()
	p.produce(now(2000, 500)...)
	fresh.until("the rest is copied", next(2500))
	p.compare(1)
}

func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patient):
		t.Fatalf("there is no %s", what)
	}
}

func createdAgain(t *testing.T, p *pair) {
	p.produce(now(0, 100)...)
	for generation := uint32(1); generation <= 2; generation++ {
		r := start(t, p.config(untouched))
		r.until("all is copied", func(r *Report) bool { return next(int64(100*generation))(r) && r.Generation == generation })
		r.stop()
		p.compare(generation)
		if generation == 1 {
			if err := p.source.DeleteTopics(t.Context(), []string{p.from.Topic}); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, p.source, p.from.Topic)
			p.ensure(p.source, events.TopicSpec{Name: p.from.Topic, Partitions: 1})
			p.produce(now(5000, 200)...)
		}
	}
	r := start(t, p.config(untouched)) // While it runs:
	r.until("it has come to the end", next(200))
	if err := p.source.DeleteTopics(t.Context(), []string{p.from.Topic}); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, p.source, p.from.Topic)
	p.ensure(p.source, events.TopicSpec{Name: p.from.Topic, Partitions: 1})
	p.produce(now(9000, 300)...)
	r.until("the third generation is copied", func(r *Report) bool { return next(300)(r) && r.Generation == 3 })
	p.compare(3)
}

func allKinds(t *testing.T, p *pair) {
	at := time.Now().UnixMilli()
	p.produce(
		events.Record{Timestamp: at},
		events.Record{Timestamp: at - 1, Key: []byte{}, Value: []byte{}},
		events.Record{Timestamp: at - 1000, Key: []byte("tombstone")},
		events.Record{Timestamp: at, Value: []byte("v"), Headers: []events.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte{}}, {Key: "a", Value: []byte("1")}, {Key: ""}}},
		events.Record{Timestamp: at - 400*24*time.Hour.Milliseconds(), Key: []byte("old"), Value: []byte("v")},
		events.Record{Timestamp: at, Value: slices.Repeat([]byte("x"), 200_000)},
		events.Record{Timestamp: at, Key: []byte("k"), Value: []byte("behind it")},
	)
	r := start(t, p.config(untouched))
	last := r.until("all is copied", next(7))
	if last.Counts.Copied != 6 || last.Counts.Buried != 1 {
		t.Errorf("%+v", last.Counts)
	}
	r.stop()
	want := slices.DeleteFunc(read(t, p.source, p.from.Topic), func(r events.Record) bool { return len(r.Value) > 100_000 })
	if err := compare(p.from, p.to, want, read(t, p.target, p.to.Topic), 1); err != nil {
		t.Error(err)
	}
	letters := read(t, p.target, p.letters)
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	_, m, err := events.Decode(&letters[0])
	letter, ok := m.(*events.DeadLetter)
	if !ok || err != nil || letter.Code != "UNCOPYABLE" || letter.Source.Topic != "ams/kinds" || letter.Source.Offset != 5 || !letter.Raw.Truncated || !strings.Contains(letter.Message, "200") {
		t.Errorf("%v, %v", m, err)
	}
}

func aborted(t *testing.T, p *pair) {
	p.produce(now(0, 10)...)
	other, err := kgo.NewClient(kgo.SeedBrokers(p.at), kgo.TransactionalID("writes "+p.from.Topic), kgo.DefaultProduceTopic(p.from.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.CloseAllowingRebalance)
	for i, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.ProduceSync(t.Context(), &kgo.Record{Value: []byte{byte('a' + i)}}, &kgo.Record{Value: []byte{byte('a' + i)}}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		p.produce(now(10+i, 1)...)
		if err := other.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, p.config(untouched))
	p.produce(now(20, 1)...)
	last := r.until("all is copied", func(r *Report) bool { return next(23)(r) && r.Counts.Copied == 16 })
	if last.Counts.Copied != 16 {
		t.Errorf("%+v", last.Counts)
	}
	p.compare(1)
}
