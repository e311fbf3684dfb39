package kafka

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

func TestEmbeddedFence(t *testing.T) {
	b, err := embedded.Start(embedded.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	testFence(t, b.Addr())
	testTopicID(t, b.Addr())
	testEnds(t, b.Addr())
}

// testFence is what every broker must do for a fenced writer.
func testFence(t *testing.T, addr string) {
	t.Run("a claim refuses the writer before it", func(t *testing.T) {
		first, second := fenced(t, addr, "zombie"), fenced(t, addr, "zombie")
		claimed(t, first)
		append1(t, first, 1)
		claim := claimed(t, second)
		if claim.Marker < 2 || claim.End != claim.Marker+1 {
			t.Errorf("marker %d, end %d", claim.Marker, claim.End)
		}
		for range 2 { // for good
			var over *WriterFenced
			if _, _, err := first.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &over) {
				t.Fatalf("the zombie appended: %v", err)
			}
		}
		var over *WriterFenced
		if _, err := first.Claim(t.Context()); !errors.As(err, &over) {
			t.Errorf("the zombie claimed: %v", err)
		}
		append1(t, second, claim.End)
	})
	t.Run("the sequence goes on behind a renewal", func(t *testing.T) {
		w := fenced(t, addr, "renewed")
		at := claimed(t, w).End
		for range 3 {
			append1(t, w, at)
			if err := w.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			at += 2 // a record and a marker
		}
	})
	t.Run("a renewal is refused where another has claimed", func(t *testing.T) {
		first, second := fenced(t, addr, "late"), fenced(t, addr, "late")
		claimed(t, first)
		claimed(t, second)
		var over *WriterFenced
		if err := first.Renew(t.Context()); !errors.As(err, &over) {
			t.Errorf("renewed: %v", err)
		}
	})
	t.Run("the same bytes again are no second batch", func(t *testing.T) {
		w := fenced(t, addr, "again")
		at := claimed(t, w).End
		b := encoded(t, 3, now())
		batch.Stamp(b, w.producer)
		for range 2 {
			if base, err := w.log.sequence.attempt(t.Context(), b); err != nil || base != at {
				t.Fatalf("at %d, %v; want %d", base, err, at)
			}
		}
		w.producer.Sequence = 3
		append1(t, w, at+3)
	})
	t.Run("a transaction that a dead claim left open is no hindrance", func(t *testing.T) {
		first, second := fenced(t, addr, "open"), fenced(t, addr, "open")
		claimed(t, first)
		if err := first.txn.begin(t.Context(), first.producer); err != nil {
			t.Fatal(err)
		}
		append1(t, second, claimed(t, second).End)
	})
	t.Run("a transaction of another writer that hangs hides no tail", func(t *testing.T) {
		w := fenced(t, addr, "hanging")
		w.config.Shared = true
		other, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("hangs"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.CloseAllowingRebalance)
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: "hanging", Value: []byte("open")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		claim := claimed(t, w)
		append1(t, w, claim.End)
		var read []events.Record
		for from := claim.Start; from <= claim.End; {
			page, err := w.client.Partition("hanging", 0).Uncommitted().Fetch(t.Context(), from, 0)
			if err != nil {
				t.Fatal(err)
			}
			read, from = append(read, page.Records...), page.Next
		}
		if len(read) != 2 || string(read[0].Value) != "open" || read[1].Offset != claim.End {
			t.Errorf("it reads %v of [%d, %d]", read, claim.Start, claim.End)
		}
		if page, err := w.client.Partition("hanging", 0).Fetch(t.Context(), 0, 0); err != nil || len(page.Records) > 0 {
			t.Errorf("a reader of what is committed reads %v, %v", page.Records, err)
		}
	})
	t.Run("without a claim nothing is sent", func(t *testing.T) {
		w := fenced(t, addr, "unclaimed")
		var unsent *Unsent
		if _, _, err := w.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &unsent) {
			t.Errorf("appended: %v", err)
		}
	})
	t.Run("a writer that was not renewed in time stops", func(t *testing.T) {
		w := fenced(t, addr, "lapsed")
		claimed(t, w)
		w.renewed = w.renewed.Add(-w.expiry/2 - time.Second)
		var lapsed *FenceLapsed
		if _, _, err := w.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &lapsed) {
			t.Errorf("appended: %v", err)
		}
		append1(t, w, claimed(t, w).End)
	})
}

func TestSequenceGoesRound(t *testing.T) {
	for _, c := range []struct{ at, count, next int32 }{
		{0, 1, 1}, {math.MaxInt32 - 1, 1, math.MaxInt32}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 1, 5, 3},
	} {
		if got := after(c.at, c.count); got != c.next {
			t.Errorf("after %d, %d records: %d; want %d", c.at, c.count, got, c.next)
		}
	}
}

func TestARightToATransactionalIDIsNamed(t *testing.T) {
	c := New(Config{Brokers: []string{"127.0.0.1:1"}})
	defer c.Close()
	txn := c.FencedWriter(FenceConfig{ID: "link-1", Topic: "t"}).txn
	var lacks *Denied
	err := c.denied(txn.needs(), failure("raise the epoch", int16(kafkago.TransactionalIDAuthorizationFailed)))
	if !errors.As(err, &lacks) || lacks.Operation != "Write" || lacks.Resource != "transactional-id" || lacks.Name != "link-1" {
		t.Errorf("%v", err)
	}
	err = c.denied(txn.needs(), failure("write a marker", int16(kafkago.ClusterAuthorizationFailed)))
	if !errors.As(err, &lacks) || lacks.Operation != "ClusterAction" || lacks.Resource != "cluster" {
		t.Errorf("%v", err)
	}
}

// A producer ID has 32,766 epochs. Behind the last one the coordinator goes on with another ID,
// and the claim fences the one before, which may have written in front of it.
func TestEpochsAreUsedUp(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	w := fenced(t, b.Addr(), "epochs")
	first := claimed(t, w)
	append1(t, w, first.End)
	raw, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(raw.Close)
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &w.config.ID, 60_000, -1, -1
	epoch := first.Epoch
	for epoch < math.MaxInt16-1 { // Claims that die at once.
		answer, err := req.RequestWith(t.Context(), raw)
		if err != nil || answer.ErrorCode != 0 || answer.ProducerID != first.ProducerID || answer.ProducerEpoch <= epoch {
			t.Fatalf("behind epoch %d of producer %d: %+v, %v", epoch, first.ProducerID, answer, err)
		}
		epoch = answer.ProducerEpoch
	}
	next := fenced(t, b.Addr(), "epochs")
	claim := claimed(t, next)
	if claim.ProducerID == first.ProducerID || claim.Epoch < 0 || claim.Epoch > 1 {
		t.Fatalf("behind epoch %d of producer %d the claim is %+v; want another producer, from its first epoch on", epoch, first.ProducerID, claim)
	}
	if claim.End != claim.Marker+2 {
		t.Errorf("marker %d, end %d: want a marker behind it that fences the earlier producer", claim.Marker, claim.End)
	}
	append1(t, next, claim.End)
	if again := claimed(t, fenced(t, b.Addr(), "epochs")); again.ProducerID != claim.ProducerID || again.End != again.Marker+1 {
		t.Errorf("the claim behind that is %+v; want one of producer %d that has nothing to fence", again, claim.ProducerID)
	}
}

// fenced makes a topic and a writer of its one partition, with a client of its own.
func fenced(t *testing.T, addr, topic string) *FencedWriter {
	t.Helper()
	c := New(Config{Brokers: []string{addr}})
	t.Cleanup(c.Close)
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	return c.FencedWriter(FenceConfig{ID: "fence-" + topic, Topic: topic})
}

func claimed(t *testing.T, w *FencedWriter) Claim {
	t.Helper()
	claim, err := w.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return claim
}

// append1 appends one record, which must come to stand at an offset, unless that is -1.
func append1(t *testing.T, w *FencedWriter, want int64) {
	t.Helper()
	base, _, err := w.Append(t.Context(), encoded(t, 1, now()))
	if err != nil || want >= 0 && want != base {
		t.Fatalf("appended at %d, %v; want %d", base, err, want)
	}
}

func now() int64 { return time.Now().UnixMilli() }

func encoded(t *testing.T, n int, timestamp int64, value ...[]byte) []byte {
	t.Helper()
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Value: []byte("v"), Timestamp: timestamp}
		if len(value) > 0 {
			records[i].Value = value[0]
		}
	}
	b, err := batch.Append(nil, records, batch.None)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Of the batches in front of a claim, all writers are to be fenced that may still write.
func TestUnfencedWriters(t *testing.T) {
	records := func(id int64) written { return written{batch.Producer{ID: id, Epoch: 3}, false} }
	marker := func(id int64) written { return written{batch.Producer{ID: id, Epoch: 3}, true} }
	fence := func(id int64) written { return written{batch.Producer{ID: id, Epoch: math.MaxInt16}, true} }
	none := written{batch.NoProducer, false}
	for i, c := range []struct {
		tail []written
		want []int64
	}{
		{nil, nil},
		{[]written{none}, nil},
		{[]written{records(9)}, nil},
		{[]written{records(1)}, []int64{1}},
		{[]written{records(1), marker(9)}, []int64{1}}, // The claim before this one failed behind its marker.
		{[]written{records(1), marker(2), marker(9)}, []int64{1, 2}},
		{[]written{records(1), marker(2), fence(1)}, []int64{2}},
		{[]written{records(1), marker(2), fence(1), marker(3), fence(2), marker(9)}, []int64{3}},
		{[]written{records(1), marker(1), marker(1)}, []int64{1}},
		{[]written{marker(2), fence(7)}, []int64{2}},
	} {
		if got := unfenced(c.tail, 9); !slices.Equal(got, c.want) {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}
