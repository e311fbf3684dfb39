package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs an embedded broker and a client for it.
func start(tb testing.TB) (*embedded.Broker, *kafka.Client) {
	tb.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	tb.Cleanup(c.Close)
	return b, c
}

// Whoever reads the error learns that no broker answers, and which was asked.
func TestABrokerThatIsGoneIsNamed(t *testing.T) {
	b, patiently := start(t)
	ensure(t, patiently, "t", 1)
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, RetryBudget: 300 * time.Millisecond})
	defer c.Close()
	p, producer := c.Partition("t", 0), c.Producer(kafka.ProducerOptions{})
	for late := time.Now().Add(patience); ; { // On a slow machine it may be given up at first.
		_, err := p.Append(t.Context(), one)
		if err == nil {
			break
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
	b.Close()
	check := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "connect to the broker at "+b.Addr()) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := p.Append(t.Context(), one)
	check("append", err)
	_, err = p.Append(t.Context(), one)
	check("append again", err)
	_, err = p.Fetch(t.Context(), 0, 0)
	check("fetch", err)
	_, _, err = c.Offsets(t.Context(), "t", 0)
	check("offsets", err)
	_, err = c.Topics(t.Context(), "")
	check("topics", err)
	_, err = c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}})
	check("ensure", err)
	producer.Send(t.Context(), "t", 0, one[0], func(_ int64, err error) { check("send", err) })
	if err := producer.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func ensure(tb testing.TB, c *kafka.Client, topic string, partitions int32) {
	tb.Helper()
	if _, err := c.Ensure(tb.Context(), []events.TopicSpec{{Name: topic, Partitions: partitions}}); err != nil {
		tb.Fatal(err)
	}
}

func TestBatchesTellsHowRecordsWereAppended(t *testing.T) {
	_, c := start(t)
	ensure(t, c, "t", 1)
	p := c.Partition("t", 0)
	for _, n := range []int{3, 1, 40} {
		if _, err := p.Append(t.Context(), sized(n)); err != nil {
			t.Fatal(err)
		}
	}
	counts, next, err := p.Batches(t.Context(), 0)
	if err != nil || !slices.Equal(counts, []int{3, 1, 40}) || next != 44 {
		t.Errorf("batches %v, next %d, %v", counts, next, err)
	}
	counts, next, err = p.Batches(t.Context(), 44)
	if err != nil || len(counts) != 0 || next != 44 {
		t.Errorf("at the end: batches %v, next %d, %v", counts, next, err)
	}
	if err := c.DeleteRecords(t.Context(), "t", 0, 4); err != nil {
		t.Fatal(err)
	}
	var gone *kafka.OutOfRange
	if counts, next, err := p.Batches(t.Context(), 0); !errors.As(err, &gone) || gone.Start != 4 {
		t.Errorf("of what was deleted: batches %v, next %d, %v", counts, next, err)
	}
}

func TestDeleteTopics(t *testing.T) {
	b, c := start(t)
	ensure(t, c, "kept", 1)
	ensure(t, c, "gone", 1)
	for range 2 { // The second time one of them does not exist.
		if err := c.DeleteTopics(t.Context(), []string{"gone"}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := kafka.New(kafka.Config{Brokers: []string{b.Addr()}}) // Its view of the cluster is of now.
	defer fresh.Close()
	topics, err := fresh.Topics(t.Context(), "")
	if err != nil || len(topics) != 1 || topics[0].Name != "kept" {
		t.Errorf("the topics are %v, %v", topics, err)
	}
}

// What a client knows of its cluster is half a second old. It must not take a topic that was
// deleted since for one that is there.
func TestEnsureWhatWasJustDeleted(t *testing.T) {
	b, c := start(t)
	for range 3 {
		ensure(t, c, "again", 1)
		if err := c.DeleteTopics(t.Context(), []string{"again"}); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, c, "again", 1)
	fresh := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer fresh.Close()
	if topics, err := fresh.Topics(t.Context(), ""); err != nil || len(topics) != 1 {
		t.Errorf("the topics are %v, %v", topics, err)
	}
}
