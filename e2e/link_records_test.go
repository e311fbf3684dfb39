package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// linkRecord is a record of any kind: keys and values that are null, empty or neither,
// headers that repeat, and now and then an old timestamp.
func linkRecord(random *rand.Rand, n int) events.Record {
	some := [][]byte{nil, {}, []byte("a"), fmt.Append(nil, n)}
	r := events.Record{
		Timestamp: time.Now().UnixMilli(), Key: some[random.IntN(len(some))], Value: bytes.Repeat([]byte{byte(n)}, random.IntN(300)),
		Headers: []events.Header{{Key: "n", Value: fmt.Append(nil, n)}},
	}
	switch random.IntN(50) {
	case 0:
		r.Value = nil
	case 1:
		r.Timestamp -= 24 * time.Hour.Milliseconds()
	case 2:
		r.Value = bytes.Repeat([]byte("large"), 2000)
	}
	for range random.IntN(3) {
		r.Headers = append(r.Headers, events.Header{Key: "again", Value: some[random.IntN(len(some))]})
	}
	return r
}

// linkLoad writes batches to the partitions of a topic, of which there may be more later.
type linkLoad struct {
	partitions atomic.Int32
	stop       func()
}

// load writes a batch every now and then until it is stopped, or the test ends. What
// fails is written again: what stands in the source is what must be copied. To stop waits for
// the batch that is on its way: one that is given up may stand in the source a moment later.
func (w *linkWorld) load(every time.Duration) *linkLoad {
	w.t.Helper()
	l := &linkLoad{}
	l.partitions.Store(1)
	ctx, enough, ended := w.t.Context(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		random := rand.New(rand.NewPCG(uint64(len(w.topic)), 1))
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; {
			batch := make([]events.Record, 1+random.IntN(20))
			for i := range batch {
				batch[i] = linkRecord(random, n+i)
			}
			if _, err := w.source.Partition(w.topic, random.Int32N(l.partitions.Load())).Append(ctx, batch); err == nil {
				n += len(batch)
			}
			select {
			case <-tick.C:
			case <-enough:
				return
			case <-ctx.Done():
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(enough) })
	l.stop = func() {
		stop()
		<-ended
	}
	w.t.Cleanup(l.stop)
	return l
}

func linkClient(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// readLinkTopic reads all committed records of a topic, by partition, with a client that
// the product does not have.
func readLinkTopic(t *testing.T, c *cluster.Cluster, topic string, opts ...kgo.Opt) [][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	count, err := c.Kafka().Partitions(ctx, topic)
	if err != nil || count == 0 {
		t.Fatalf("partitions of %s: %d, %v", topic, count, err)
	}
	all := make([][]*kgo.Record, count)
	for p := range count {
		start, end, err := c.Offsets(ctx, topic, p)
		if err != nil {
			t.Fatal(err)
		}
		client := linkClient(t, c.Brokers()[0], append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p: kgo.NewOffset().At(start)}}))...)
		for next := start; next < end; {
			fetches := client.PollFetches(ctx)
			if err := errors.Join(fetches.Err0(), ctx.Err()); err != nil {
				t.Fatalf("read %s/%d at %d of %d: %v", topic, p, next, end, err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if next = r.Offset + 1; !r.Attrs.IsControl() {
					all[p] = append(all[p], r)
				}
			})
		}
		client.Close()
	}
	return all
}

// compareLink compares what stands in a source and its copy: count, order, keys, values,
// headers and timestamps. It shares nothing with `link audit`.
func compareLink(source, target [][]*kgo.Record) (err error) {
	if len(source) != len(target) {
		err = fmt.Errorf("%d partitions have copies in %d", len(source), len(target))
	}
	for p := range min(len(source), len(target)) {
		a, b := source[p], target[p]
		if len(a) != len(b) {
			err = errors.Join(err, fmt.Errorf("partition %d: of %d records there are %d copies", p, len(a), len(b)))
		}
		for i := range min(len(a), len(b)) {
			if diff := compareLinkRecord(a[i], b[i]); diff != "" {
				err = errors.Join(err, fmt.Errorf("partition %d: the copy of the record at %d differs in its %s", p, a[i].Offset, diff))
				break
			}
		}
	}
	return err
}

// compareLinkRecord names what is different, if anything is.
func compareLinkRecord(of, is *kgo.Record) string {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	copied := slices.DeleteFunc(slices.Clone(is.Headers), func(h kgo.RecordHeader) bool { return h.Key == "spanway-origin" || h.Key == "spanway-trail" })
	equal := func(a, b kgo.RecordHeader) bool { return a.Key == b.Key && same(a.Value, b.Value) }
	switch {
	case !same(of.Key, is.Key):
		return "key"
	case !same(of.Value, is.Value):
		return "value"
	case !of.Timestamp.Equal(is.Timestamp):
		return "timestamp"
	case len(is.Headers) != len(of.Headers)+2 || !slices.EqualFunc(of.Headers, copied, equal):
		return "headers"
	}
	return ""
}
