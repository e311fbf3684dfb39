package kafka_test

import (
	"context"
	"errors"
	"fmt"
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

func ensure(tb testing.TB, c *kafka.Client, topic string, partitions int32) {
	tb.Helper()
	if _, err := c.Ensure(tb.Context(), []events.TopicSpec{{Name: topic, Partitions: partitions}}); err != nil {
		tb.Fatal(err)
	}
}

func records(n int) []events.Record {
	out := make([]events.Record, n)
	for i := range out {
		out[i] = events.Record{
			Timestamp: 1_700_000_000_000 + int64(i),
			Key:       fmt.Append(nil, "key", i), Value: fmt.Append(nil, "value", i),
			Headers: []events.Header{{Key: "ce_type", Value: []byte("t")}, {Key: "other", Value: nil}},
		}
	}
	return out
}

func TestAppendAndFetch(t *testing.T) {
	_, c := start(t)
	ensure(t, c, "t", 2)
	p := c.Partition("t", 1)
	for i := range 3 {
		base, err := p.Append(t.Context(), records(10))
		if err != nil || base != int64(10*i) {
			t.Fatalf("append %d: %d, %v", i, base, err)
		}
	}
	page, err := p.Fetch(t.Context(), 5, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Records) != 25 || page.Next != 30 || page.End != 30 || page.Start != 0 {
		t.Fatalf("%d records, next %d, [%d, %d)", len(page.Records), page.Next, page.Start, page.End)
	}
	if r := page.Records[0]; r.Offset != 5 || string(r.Value) != "value5" || r.Headers[1].Value != nil {
		t.Fatalf("%+v", r)
	}
	page, err = p.Fetch(t.Context(), 30, 10*time.Millisecond)
	if err != nil || len(page.Records) != 0 || page.Next != 30 || page.End != 30 {
		t.Fatalf("%+v, %v", page, err)
	}
	_, err = p.Fetch(t.Context(), 31, 10*time.Millisecond)
	var out *kafka.OutOfRange
	if !errors.As(err, &out) || out.End != 30 {
		t.Fatal(err)
	}
	topics, err := c.Topics(t.Context(), "t")
	if err != nil || len(topics) != 1 || topics[0].Partitions != 2 {
		t.Fatal(topics, err)
	}
	start, end, err := c.Offsets(t.Context(), "t", 1)
	if err != nil || start != 0 || end != 30 {
		t.Fatal(start, end, err)
	}
}

func TestProducerKeepsOrder(t *testing.T) {
	_, c := start(t)
	ensure(t, c, "t", 2)
	p := c.Producer(kafka.ProducerOptions{})
	next := [2]int64{}
	for i, r := range records(5000) {
		at := int32(i % 2)
		p.Send("t", at, r, func(offset int64, err error) {
			if err != nil || offset != next[at] {
				t.Errorf("offset %d of partition %d, %v", offset, at, err)
			}
			next[at]++
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next != [2]int64{2500, 2500} {
		t.Fatal(next)
	}
}

func TestJoinAndLeave(t *testing.T) {
	_, c := start(t)
	ensure(t, c, "t", 4)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	member := func(ctx context.Context) (<-chan []int32, <-chan error) {
		got, end := make(chan []int32), make(chan error, 1)
		go func() {
			end <- c.Join(ctx, "g", "t", func(ctx context.Context, _ int32, partitions []int32) {
				select {
				case got <- partitions:
					<-ctx.Done()
				case <-ctx.Done():
				}
			})
			close(got)
		}()
		return got, end
	}
	ctx1, leave1 := context.WithCancel(ctx)
	got1, end1 := member(ctx1)
	if p := <-got1; len(p) != 4 {
		t.Fatal(p)
	}
	ctx2, leave2 := context.WithCancel(ctx)
	got2, end2 := member(ctx2)
	if a, b := <-got1, <-got2; len(a) != 2 || len(b) != 2 {
		t.Fatal(a, b)
	}
	leave1()
	<-end1
	left := time.Now()
	for p := <-got2; len(p) != 4; p = <-got2 { // there may be one more rebalance before
		if ctx.Err() != nil {
			t.Fatal(p)
		}
	}
	if d := time.Since(left); d > 3*time.Second {
		t.Fatalf("the partitions of a member that left came after %v", d)
	}
	leave2()
	<-end2
}
