package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// sized makes records of about 200 bytes of value with the headers of an event.
func sized(n int) []events.Record {
	out := make([]events.Record, n)
	for i := range out {
		out[i] = events.Record{
			Timestamp: 1_700_000_000_000, Key: []byte("pool"), Value: make([]byte, 200),
			Headers: []events.Header{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Append(nil, "spanway.tasks.events/3/17/", i)},
				{Key: "ce_source", Value: []byte("/spanway/local/scheduler")}, {Key: "ce_type", Value: []byte("spanway.task.assigned.v1")},
			},
		}
	}
	return out
}

func perRecord(b *testing.B, records int) {
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkAppend(b *testing.B) {
	_, c := start(b)
	benchmarkAppend(b, c)
}

func benchmarkAppend(b *testing.B, c *kafka.Client) {
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			name := fmt.Sprint("append", n)
			ensure(b, c, name, 1)
			p, batch := c.Partition(name, 0), sized(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Append(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b, n)
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	_, c := start(b)
	benchmarkFetch(b, c)
}

func benchmarkFetch(b *testing.B, c *kafka.Client) {
	ensure(b, c, "fetch", 1)
	p, batch := c.Partition("fetch", 0), sized(500)
	const batches = 200
	_, end, err := c.Offsets(b.Context(), "fetch", 0)
	for ; err == nil && end < batches*500; end += 500 {
		_, err = p.Append(b.Context(), batch)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for from := int64(0); from < end; {
			page, err := p.Fetch(b.Context(), from, time.Second)
			if err != nil {
				b.Fatal(err)
			}
			from = page.Next
		}
	}
	perRecord(b, batches*500)
}

func BenchmarkProducer(b *testing.B) {
	_, c := start(b)
	ensure(b, c, "t", 16)
	p := c.Producer(kafka.ProducerOptions{})
	batch := sized(16 * 500)
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			p.Send(context.Background(), "t", int32(i%16), batch[i], nil)
		}
	}
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	perRecord(b, len(batch))
}

// BenchmarkTail: from the beginning of an append until a waiting reader has it.
func BenchmarkTail(b *testing.B) {
	_, c := start(b)
	benchmarkTail(b, c)
}

func benchmarkTail(b *testing.B, c *kafka.Client) {
	ensure(b, c, "tail", 1)
	p, batch := c.Partition("tail", 0), sized(1)
	_, from, err := c.Offsets(b.Context(), "tail", 0)
	if err != nil {
		b.Fatal(err)
	}
	asked, read := make(chan int64), make(chan error)
	go func() {
		for from := range asked {
			page, err := p.Fetch(b.Context(), from, time.Second)
			if err == nil && len(page.Records) != 1 {
				err = fmt.Errorf("%d records", len(page.Records))
			}
			read <- err
		}
	}()
	defer close(asked)
	for b.Loop() {
		asked <- from
		if _, err := p.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		if err := <-read; err != nil {
			b.Fatal(err)
		}
		from++
	}
}
