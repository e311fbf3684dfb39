package embedded_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDataSurvivesARestart(t *testing.T) {
	config := embedded.Config{DataDir: t.TempDir()}
	write := func() {
		b, err := embedded.Start(config)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
		defer c.Close()
		if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	write()
	b, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	page, err := c.Partition("t", 0).Fetch(t.Context(), 0, time.Second)
	if err != nil || len(page.Records) != 2 {
		t.Fatal(page, err)
	}
}

func TestADataDirectoryHasOneBroker(t *testing.T) {
	config := embedded.Config{DataDir: t.TempDir()}
	b, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := embedded.Start(config); err == nil {
		second.Close()
		t.Fatal("a second broker started on the same directory")
	}
	b.Close()
	if b, err = embedded.Start(config); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b.Close() // closing twice does no harm
}

// What is kept in memory is in many small segments; readers see one log.
func TestMemoryHoldsMoreThanASegment(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	p := c.Partition("t", 0)
	const batches = 30
	for i := range batches {
		if _, err := p.Append(t.Context(), []events.Record{{Key: []byte{byte(i)}, Value: make([]byte, 100<<10)}, {Value: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	for from := int64(0); from < 2*batches; {
		page, err := p.Fetch(t.Context(), from, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Records {
			r := &page.Records[i]
			if r.Offset != int64(read) || r.Offset%2 == 0 && (len(r.Value) != 100<<10 || r.Key[0] != byte(r.Offset/2)) {
				t.Fatalf("record %d is at %d with %d bytes", read, r.Offset, len(r.Value))
			}
			read++
		}
		from = page.Next
	}
}

func TestItListensOnLoopbackOnly(t *testing.T) {
	b, err := embedded.Start(embedded.Config{Brokers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	addrs := b.Addrs()
	if len(addrs) != 3 || addrs[0] != b.Addr() {
		t.Fatal(addrs)
	}
	for _, a := range addrs {
		if !strings.HasPrefix(a, "127.0.0.1:") {
			t.Errorf("it listens on %s", a)
		}
	}
}

func startOn(t *testing.T, config embedded.Config) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// send appends n records of a size. The client sends again what is not acknowledged.
func send(t *testing.T, b *embedded.Broker, n, size int) (kept []string) {
	t.Helper()
	c := kafka.New(kafka.Config{Brokers: b.Addrs(), RetryBudget: time.Minute})
	defer c.Close()
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
		t.Error(err)
		return nil
	}
	p := c.Partition("t", 0)
	for i := range n {
		value := fmt.Sprint(i, " of ", size)
		base, err := p.Append(t.Context(), []events.Record{{Key: []byte(value), Value: bytes.Repeat([]byte{'x'}, size)}})
		if err != nil {
			t.Error(err)
			return kept
		}
		if base != int64(i) {
			t.Errorf("record %d was acknowledged at %d", i, base)
		}
		kept = append(kept, value)
	}
	return kept
}
