package copying

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// BenchmarkCopy copies a partition, between two embedded brokers of this process and in
// memory, where they cost nothing.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{200, 2048} {
		n, each := 16<<20/size, min(1000, 500_000/size)
		records := make([]events.Record, n)
		value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		at := time.Now().UnixMilli()
		for i := range records {
			records[i] = events.Record{Offset: int64(i), Timestamp: at, Key: fmt.Append(nil, i), Value: value}
		}
		for _, headers := range []int{0, len(six)} {
			b.Run(fmt.Sprintf("memory/%d/headers=%d", size, headers), func(b *testing.B) { inMemory(b, records, six[:headers]) })
		}
		b.Run(fmt.Sprintf("embedded/%d", size), func(b *testing.B) {
			source, target := kafka.New(kafka.Config{Brokers: []string{embeddedBroker(b)}}), kafka.New(kafka.Config{Brokers: []string{embeddedBroker(b)}})
			defer source.Close()
			defer target.Close()
			if _, err := source.Ensure(b.Context(), []events.TopicSpec{{Name: "orders", Partitions: 1}}); err != nil {
				b.Fatal(err)
			}
			log := source.Partition("orders", 0)
			for i := 0; i < n; i += each {
				if _, err := log.Append(b.Context(), records[i:min(n, i+each)]); err != nil {
					b.Fatal(err)
				}
			}
			i := 0
			for b.Loop() {
				topic := fmt.Sprint("orders", i)
				i++
				if _, err := target.Ensure(b.Context(), []events.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
					b.Fatal(err)
				}
				to := there
				to.Topic = topic
				copyAll(b, Config{
					Copy: mirror.Config{Source: here, Target: to}, ID: topic, Logger: slog.New(slog.DiscardHandler), Source: NewSource(source, "orders", 0),
					Target: NewTarget(target, kafka.FenceConfig{ID: topic, Topic: topic}, batch.None), Checkpoints: &shelf{}, Letters: &box{},
				}, int64(n))
			}
			rates(b, n, size)
		})
	}
}

// six headers are what an event has that is traced.
var six = []events.Header{
	{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("4c6e4c2a-8c1f-4b1e-9d61-0b1d3c7b3a11")},
	{Key: events.HeaderSource, Value: []byte("/shop/orders")}, {Key: events.HeaderType, Value: []byte("shop.order.placed.v1")},
	{Key: events.HeaderContentType, Value: []byte("application/json")}, {Key: events.HeaderTraceparent, Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
}

// inMemory copies records with headers, encoded as a broker hands them out.
func inMemory(b *testing.B, records []events.Record, headers []events.Header) {
	records = slices.Clone(records)
	for i := range records {
		records[i].Headers = headers
	}
	data := encoded(b, records)
	before := cpu(b)
	for b.Loop() {
		target := newPartition("t")
		cfg := Config{
			Copy: mirror.Config{Source: here, Target: there}, ID: "c", Logger: slog.New(slog.DiscardHandler), Source: &packed{data: data, each: 1 << 20},
			Target: &encoder{writer: writer{of: target}}, Checkpoints: &shelf{}, Letters: &box{},
		}
		copyAll(b, cfg, int64(len(records)))
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(len(records)*b.N), "cpu-ns/record")
	rates(b, len(records), len(records[0].Value))
}

// cpu is what the process has used, in nanoseconds: other processes do not count.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func rates(b *testing.B, n, size int) {
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
	b.SetBytes(int64(n * size))
	b.ReportAllocs()
}

// copyAll runs a Copier until all is copied.
func copyAll(b *testing.B, cfg Config, n int64) {
	ctx, cancel := context.WithCancel(b.Context())
	cfg.Report = func(r Report) {
		if r.Next >= n {
			cancel()
		}
	}
	c := New(cfg)
	c.every = time.Millisecond
	var all sync.WaitGroup
	all.Go(func() { c.Run(ctx) })
	all.Wait()
}

// packed is a Source of encoded batches.
type packed struct {
	data [][]byte
	each int
}

func encoded(b *testing.B, records []events.Record) (data [][]byte) {
	for i := 0; i < len(records); i += 1000 {
		d, err := batch.Append(nil, records[i:min(i+1000, len(records))], batch.None)
		if err != nil {
			b.Fatal(err)
		}
		data = append(data, d)
	}
	return data
}

func (p *packed) Read(ctx context.Context, from int64, _ time.Duration, _ Reading) (mirror.Source, error) {
	page := mirror.Source{Page: events.Page{Next: from, End: 1000 * int64(len(p.data)-1)}}
	last, _, _ := batch.Read(p.data[len(p.data)-1])
	page.End += int64(last.Count)
	d := batch.Decoder{Encoded: true}
	for i := int(from / 1000); i < len(p.data) && d.Bytes < p.each; i++ {
		in, _, err := batch.Read(p.data[i])
		if err != nil {
			return page, err
		}
		if page.Records == nil {
			page.Records = make([]events.Record, 0, 1000*(1+p.each/len(p.data[i])))
		}
		in.BaseOffset = int64(1000 * i)
		if page.Records, err = d.Decode(page.Records, &in, from); err != nil {
			return page, err
		}
		page.Next = in.Next()
	}
	if page.Next == page.End && len(page.Records) == 0 {
		<-ctx.Done()
	}
	return page, ctx.Err()
}

// encoder is a Target that encodes what is appended, and forgets it.
type encoder struct {
	writer
	buffer []byte
}

func (e *encoder) Append(_ context.Context, records []events.Record) (base int64, err error) {
	if e.buffer, err = batch.AppendUnstamped(e.buffer[:0], records, batch.None); err != nil {
		return 0, err
	}
	batch.Stamp(e.buffer, batch.Producer{ID: 1})
	base, e.of.end = e.of.end, e.of.end+int64(len(records))
	return base, nil
}
