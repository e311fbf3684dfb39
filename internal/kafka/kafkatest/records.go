package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

var compressions = []batch.Compression{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd}

// odd are records with everything that may be absent, empty or doubled.
func odd(from int64) []events.Record {
	now := time.Now().UnixMilli()
	out := []events.Record{
		{Timestamp: now, Key: nil, Value: nil},
		{Timestamp: now + 5, Key: []byte{}, Value: []byte{}},
		{Timestamp: now - 5, Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "", Value: []byte{}}, {Key: "ce_type", Value: []byte("t")},
		}},
		{Timestamp: now, Value: bytes.Repeat([]byte("long "), 4_000)},
	}
	for i := range out {
		out[i].Offset = from + int64(i)
	}
	return out
}

func roundTrip(t *testing.T, b Broker) {
	c := client(t, b)
	p := c.Partition(topic(t, c, 3, nil), 2)
	var want []events.Record
	for range 3 {
		batch := odd(int64(len(want)))
		if base := appended(t, p, batch); base != batch[0].Offset {
			t.Fatalf("appended at %d, want %d", base, batch[0].Offset)
		}
		want = append(want, batch...)
	}
	got, _ := readAll(t, p, 0)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	got, end := readAll(t, p, 6)
	if d := cmp.Diff(want[6:], got); d != "" {
		t.Fatal(d)
	}
	if end != int64(len(want)) {
		t.Fatal(end)
	}
}

func compressionsWritten(t *testing.T, b Broker) {
	name := topic(t, client(t, b), 1, nil)
	var want []events.Record
	for _, c := range compressions {
		batch := odd(int64(len(want)))
		appended(t, client(t, b, compressed(c)).Partition(name, 0), batch)
		want = append(want, batch...)
	}
	got, _ := readAll(t, client(t, b).Partition(name, 0), 0)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func compressionsRead(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	var want []string
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		o := other(t, b, kgo.ProducerBatchCompression(codec))
		value := bytes.Repeat(fmt.Append(nil, "codec", i), 100)
		if err := o.ProduceSync(limited(t), &kgo.Record{Topic: name, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		want = append(want, string(value))
	}
	got, _ := readAll(t, c.Partition(name, 0), 0)
	if d := cmp.Diff(want, texts(got)); d != "" {
		t.Fatal(d)
	}
}

func incompressible(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

var largeMessages = map[string]string{"max.message.bytes": "4194304"}

func largeBatch(t *testing.T, b Broker) {
	c := client(t, b)
	p := c.Partition(topic(t, c, 1, largeMessages), 0)
	value := incompressible(3 << 20)
	appended(t, p, values("before", 2))
	appended(t, p, []events.Record{{Value: value}})
	appended(t, p, values("after", 1))
	got, _ := readAll(t, p, 0)
	if len(got) != 4 || !bytes.Equal(got[2].Value, value) {
		t.Fatalf("%d records", len(got))
	}
}

// hugeBatches: a batch that opens to much more than a page holds is read in pages, each
// of which resumes inside of it, on the same handle and on another one.
func hugeBatches(t *testing.T, b Broker) {
	const n, size, page = 160, 256 << 10, 32 << 20
	c := client(t, b)
	name := topic(t, c, 1, largeMessages)
	codecs := []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for _, codec := range codecs {
		o := other(t, b, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(64<<20), kgo.ProducerLinger(time.Minute), kgo.MaxBufferedBytes(64<<20))
		ctx := limited(t)
		for i := range n {
			o.Produce(ctx, &kgo.Record{Topic: name, Value: bytes.Repeat([]byte{byte(i)}, size)}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	p := c.Partition(name, 0)
	if counts, _, err := p.Batches(limited(t), 0); err != nil || counts[0] != n {
		t.Fatalf("batches of %v records, want %d in the first; %v", counts, n, err)
	}
	for next := int64(0); next < n*int64(len(codecs)); {
		got, err := p.Fetch(limited(t), next, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, r := range got.Records {
			if r.Offset != next || len(r.Value) != size || r.Value[size-1] != byte(next%n) {
				t.Fatalf("at offset %d a record of %d bytes with offset %d", next, len(r.Value), r.Offset)
			}
			held += len(r.Value)
			next++
		}
		if held == 0 || held > page || got.Next != next || got.End != n*int64(len(codecs)) {
			t.Fatalf("a page of %d bytes, on at %d, want %d; end %d", held, got.Next, next, got.End)
		}
	}
	again, err := c.Partition(name, 0).Fetch(limited(t), n-1, time.Second)
	if err != nil || len(again.Records) == 0 || again.Records[0].Offset != n-1 {
		t.Fatalf("from within a batch, on another handle: %d records, %v", len(again.Records), err)
	}
}

func tooLarge(t *testing.T, b Broker) {
	c := client(t, b)
	p := c.Partition(topic(t, c, 1, nil), 0)
	_, err := p.Append(limited(t), []events.Record{{Value: incompressible(3 << 20)}})
	var r interface{ Refused() bool }
	if !errors.As(err, &r) || !r.Refused() {
		t.Fatalf("a record above the topic's limit: %v", err)
	}
	if base := appended(t, p, values("next", 1)); base != 0 {
		t.Fatal(base)
	}
}

func fetchWaits(t *testing.T, b Broker) {
	c := client(t, b)
	p := c.Partition(topic(t, c, 1, nil), 0)
	type answer struct {
		page events.Page
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		page, err := p.Fetch(limited(t), 0, 30*time.Second)
		got <- answer{page, err}
	}()
	appended(t, p, values("x", 1))
	if a := <-got; a.err != nil || len(a.page.Records) != 1 {
		t.Fatalf("%+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Fetch(ctx, 1, 30*time.Second); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled fetch: %v", err)
	}
}

func outOfRange(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	p := c.Partition(name, 0)
	for range 4 {
		appended(t, p, values("x", 5))
	}
	truncate(t, b, name, 10)
	for _, from := range []int64{0, 9, 21} {
		_, err := p.Fetch(limited(t), from, 100*time.Millisecond)
		var out *kafka.OutOfRange
		if !errors.As(err, &out) || out.Start != 10 || out.End != 20 || out.Offset != from {
			t.Fatalf("from %d: %v", from, err)
		}
	}
	page, err := p.Fetch(limited(t), 10, time.Second)
	if err != nil || page.Start != 10 || len(page.Records) != 10 {
		t.Fatal(page, err)
	}
}

func noSuchTopic(t *testing.T, b Broker) {
	c := client(t, b, func(config *kafka.Config) { config.RetryBudget = time.Second })
	const name = "there-is-no-such-topic"
	if start, end, err := c.Offsets(limited(t), name, 0); err == nil {
		t.Fatalf("it holds [%d, %d)", start, end)
	}
	p := c.Partition(name, 0)
	if _, err := p.Fetch(limited(t), 0, 0); err == nil || !strings.Contains(err.Error(), name) {
		t.Fatal(err)
	}
	_, err := p.Append(limited(t), values("x", 1))
	var refused *kafka.Refused
	if err == nil || !strings.Contains(err.Error(), name) || errors.As(err, &refused) {
		t.Fatal(err)
	}
}

// truncate deletes the records below an offset.
func truncate(t *testing.T, b Broker, topic string, offset int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = offset
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.DeleteRecordsRequestTopicPartition{p}
	req.Topics = []kmsg.DeleteRecordsRequestTopic{rt}
	for _, shard := range other(t, b).RequestSharded(limited(t), req) {
		if shard.Err != nil {
			t.Fatal(shard.Err)
		}
	}
}

func twoProducers(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	const batches, size = 30, 10
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b"} {
		wg.Go(func() {
			p := c.Partition(name, 0)
			for i := range batches {
				if _, err := p.Append(limited(t), values(fmt.Sprint(who, i, "/"), size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, _ := readAll(t, c.Partition(name, 0), 0)
	next := map[byte]int{}
	for _, r := range got {
		who := r.Value[0]
		if want := fmt.Sprint(string(who), next[who]/size, "/", next[who]%size); want != string(r.Value) {
			t.Fatalf("%s at offset %d, want %s", r.Value, r.Offset, want)
		}
		next[who]++
	}
	if next['a'] != batches*size || next['b'] != batches*size {
		t.Fatal(next)
	}
}

func manyPartitions(t *testing.T, b Broker) {
	const partitions, each = 8, 500
	c := client(t, b)
	name := topic(t, c, partitions, nil)
	p := c.Producer(kafka.ProducerOptions{Buffer: 64 << 10}) // small enough to block
	acknowledged := make([]int, partitions)
	for i, r := range values("", partitions*each) {
		at := i % partitions
		p.Send(context.Background(), name, int32(at), r, func(offset int64, err error) {
			if err != nil || offset != int64(acknowledged[at]) {
				t.Errorf("offset %d of %d, %v", offset, at, err)
			}
			acknowledged[at]++
		})
	}
	if err := p.Close(limited(t)); err != nil {
		t.Fatal(err)
	}
	for at := range acknowledged {
		got, _ := readAll(t, c.Partition(name, int32(at)), 0)
		for i, r := range got {
			if want := fmt.Sprint(i*partitions + at); string(r.Value) != want {
				t.Fatalf("%s at %d/%d, want %s", r.Value, at, i, want)
			}
		}
		if len(got) != each || acknowledged[at] != each {
			t.Fatalf("%d records, %d acknowledged", len(got), acknowledged[at])
		}
	}
}
