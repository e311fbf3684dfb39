package kafkatest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/kafka"
)

// transaction writes records in one transaction and leaves it open.
func transaction(t *testing.T, o *kgo.Client, topic string, values ...string) {
	t.Helper()
	if err := o.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := o.ProduceSync(limited(t), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func end(t *testing.T, o *kgo.Client, how kgo.TransactionEndTry) {
	t.Helper()
	if err := o.EndTransaction(limited(t), how); err != nil {
		t.Fatal(err)
	}
}

// awaitEnd waits until a partition's stable end is the given offset: a marker
// is written after the transaction's end was answered.
func awaitEnd(t *testing.T, c *kafka.Client, topic string, want int64) {
	t.Helper()
	ctx := limited(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_, end, err := c.Offsets(ctx, topic, 0)
		if err != nil {
			t.Fatal(err)
		}
		if end == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the end is %d, want %d", end, want)
		}
	}
}

func abortedAtTheEnd(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	p := c.Partition(name, 0)
	o := other(t, b, kgo.TransactionalID(name))
	transaction(t, o, name, "c1", "c2")
	end(t, o, kgo.TryCommit)
	awaitEnd(t, c, name, 3)
	appended(t, p, values("plain", 1))
	transaction(t, o, name, "aborted1")
	appended(t, p, values("within", 1))
	transactionGoesOn(t, o, name, "aborted2")
	end(t, o, kgo.TryAbort)
	awaitEnd(t, c, name, 8)
	got, next := readAll(t, p, 0)
	if d := cmp.Diff([]string{"c1", "c2", "plain0", "within0"}, texts(got)); d != "" {
		t.Fatal(d)
	}
	if next != 8 {
		t.Fatalf("read to %d, the control batch at the end is at 7", next)
	}
	for from := range int64(9) { // wherever a reader begins, it ends where the log does
		if _, next := readAll(t, p, from); next != 8 {
			t.Fatalf("from %d it reads to %d", from, next)
		}
	}
	transaction(t, o, name, "c3")
	end(t, o, kgo.TryCommit)
	awaitEnd(t, c, name, 10)
	if got, _ := readAll(t, p, 5); len(got) != 2 || string(got[1].Value) != "c3" {
		t.Fatal(texts(got))
	}
}

// Of two transactions that were aborted the one that began first ended last.
func abortedWithinAnother(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	p := c.Partition(name, 0)
	outer, inner := other(t, b, kgo.TransactionalID(name+" outer")), other(t, b, kgo.TransactionalID(name+" inner"))
	transaction(t, outer, name, "outer1")
	transaction(t, inner, name, "inner")
	end(t, inner, kgo.TryAbort)
	appended(t, p, values("plain", 1))
	transactionGoesOn(t, outer, name, "outer2")
	end(t, outer, kgo.TryAbort)
	awaitEnd(t, c, name, 6)
	all, _ := readAll(t, p, 0)
	if len(all) != 1 {
		t.Fatal(texts(all))
	}
	for from := range int64(7) {
		want := []string{"plain0"}
		if from > all[0].Offset { // 2 or 3: the marker comes after the transaction's end was answered.
			want = nil
		}
		got, next := readAll(t, p, from)
		if d := cmp.Diff(want, texts(got), cmpopts.EquateEmpty()); d != "" || next != 6 {
			t.Errorf("from %d, up to %d: %s", from, next, d)
		}
	}
}

// transactionGoesOn writes one more record in the open transaction.
func transactionGoesOn(t *testing.T, o *kgo.Client, topic, value string) {
	t.Helper()
	if err := o.ProduceSync(limited(t), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func openTransaction(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, nil)
	p := c.Partition(name, 0)
	o := other(t, b, kgo.TransactionalID(name))
	appended(t, p, values("before", 1))
	transaction(t, o, name, "open")
	appended(t, p, values("after", 1))
	if got, next := readAll(t, p, 0); len(got) != 1 || next != 1 {
		t.Fatal(texts(got), next)
	}
	end(t, o, kgo.TryCommit)
	awaitEnd(t, c, name, 4)
	if got, next := readAll(t, p, 1); len(got) != 2 || next != 4 {
		t.Fatal(texts(got), next)
	}
}

func compactedTail(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 1, map[string]string{
		"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100",
		"min.compaction.lag.ms": "0", "delete.retention.ms": "0",
	})
	first, second := c.Partition(name, 0), c.Partition(name, 0)
	keyed := func(key string, n int) { // of each batch compaction leaves the last record at most
		batch := values(key, n)
		for i := range batch {
			batch[i].Key = []byte(key)
		}
		appended(t, first, batch)
	}
	keyed("a", 5)
	keyed("b", 5)
	keyed("a", 5)
	batch := values("last", 5)
	for i := range batch {
		batch[i].Key = []byte{"ab"[i%2]} // overwrites all that the first wrote
	}
	appended(t, second, batch)
	ctx := limited(t)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for n := int64(20); ; n++ {
		// One more record makes the broker close the segment before it, which
		// alone it compacts.
		one := values("roll", 1)
		one[0].Key = []byte("roll")
		appended(t, second, one)
		if b.Compact != nil {
			b.Compact()
		}
		start, _, err := c.Offsets(ctx, name, 0) // kfake moves it, Kafka does not
		if err != nil {
			t.Fatal(err)
		}
		got, next := readAll(t, first, start)
		if next != n+1 {
			t.Fatalf("read to %d of %d", next, n+1)
		}
		if len(got) <= 6 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it still has %d records: the broker does not compact", len(got))
		}
	}
}
