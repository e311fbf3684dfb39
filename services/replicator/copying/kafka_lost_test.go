package copying

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What is gone from the target is copied again, to one that was created again.
func targetCreatedAgain(t *testing.T, p *pair) {
	p.produce(now(0, 300)...)
	for range 2 {
		r := start(t, p.config(untouched))
		r.until("all is copied", next(300))
		r.stop()
		p.compare(1)
		if err := p.target.DeleteTopics(t.Context(), []string{p.to.Topic}); err != nil {
			t.Fatal(err)
		}
		awaitGone(t, p.target, p.to.Topic)
		p.ensure(p.target, events.TopicSpec{Name: p.to.Topic, Partitions: 1})
	}
	p.produce(now(300, 10)...)
	r := start(t, p.config(untouched))
	r.until("the loss is told", func(r *Report) bool {
		return slices.ContainsFunc(r.Incidents, func(i mirror.Incident) bool { return i.Reason == mirror.TargetLost })
	})
	r.until("all is copied", next(310))
	p.compare(1)
}

// A transaction of another writer that hangs in the target is seen, and named.
func foreign(t *testing.T, p *pair, target string) {
	p.produce(now(0, 10)...)
	other, err := kgo.NewClient(kgo.SeedBrokers(target), kgo.TransactionalID("hangs in "+p.to.Topic), kgo.DefaultProduceTopic(p.to.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.CloseAllowingRebalance)
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), &kgo.Record{Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cfg := p.config(untouched)
	r := start(t, cfg)
	last := r.until("it has stopped", func(r *Report) bool { return r.State == mirror.Stopped })
	if last.Reason != mirror.TargetNotEmpty {
		t.Errorf("%+v", last)
	}
	r.stop()
	shared := p.config(untouched)
	shared.Copy.Shared = true
	shared.Target = NewTarget(p.target, kafka.FenceConfig{ID: "shared", Topic: p.to.Topic, Shared: true}, batch.Zstd)
	start(t, shared).until("it copies beside it", next(10))
}

// An end that is lost is certain only when the leader has said so several times.
func lostEnd(t *testing.T, p *pair) {
	p.produce(now(0, 10)...)
	s := NewSource(p.source, p.from.Topic, 0).(*kafkaSource)
	s.settle = 10 * time.Millisecond
	first, err := s.Read(t.Context(), 5, 0, Reading{Anew: true})
	if err != nil || len(first.Records) != 5 || first.End != 10 || first.ID == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	page, err := s.Read(t.Context(), 50, 0, Reading{})
	if err != nil || page.End != 10 || page.Next != 50 || len(page.Records) != 0 || page.Term != first.Term || page.ID != first.ID {
		t.Errorf("%+v, %v", page, err)
	}
	if out, err := s.certain(t.Context(), &kafka.OutOfRange{Topic: p.from.Topic, Offset: 7, End: 3}); err == nil {
		t.Errorf("it is certain that the end is lost: %+v", out)
	}
}

// What a copy reads to prove its source is small, however much stands there.
func proofIsSmall(t *testing.T, p *pair) {
	const n, size = 50, 20_000
	for i := range n {
		p.produce(events.Record{Timestamp: time.Now().UnixMilli(), Key: []byte{byte(i)}, Value: slices.Repeat([]byte("x"), size)})
	}
	s := NewSource(p.source, p.from.Topic, 0)
	for _, anew := range []bool{true, false} {
		page, err := s.Read(t.Context(), 0, 0, Reading{Anew: anew})
		if err != nil || page.End != n {
			t.Fatalf("%+v, %v", page.Page, err)
		}
		if small := len(page.Records)*size <= proofBytes; small != anew || len(page.Records) == 0 {
			t.Errorf("anew: %t, %d records of %d bytes were read", anew, len(page.Records), size)
		}
	}
}

// testCheckpoints is what all Checkpoints keep; again gives them to another process.
func testCheckpoints(t *testing.T, again func() Checkpoints) {
	c := again()
	want := func(c Checkpoints, id string, next int64) {
		t.Helper()
		got, err := c.Saved(t.Context(), id)
		switch {
		case err != nil:
			t.Fatal(err)
		case got == nil && next != 0 || got != nil && got.Next != next:
			t.Errorf("%s is saved as %+v, want %d", id, got, next)
		}
	}
	save := func(c Checkpoints, id string, mark mirror.Checkpoint) {
		t.Helper()
		if err := c.Save(t.Context(), id, mark); err != nil {
			t.Fatal(err)
		}
	}
	want(c, "a", 0)
	save(c, "a", mirror.Checkpoint{Generation: 1, Claim: 10, Next: 5})
	want(c, "a", 5)
	save(c, "a", mirror.Checkpoint{Generation: 1, Claim: 10, Next: 7})
	save(again(), "a", mirror.Checkpoint{Generation: 1, Claim: 20, Next: 6})
	save(c, "a", mirror.Checkpoint{Generation: 1, Claim: 10, Next: 9}) // Of a writer that was fenced.
	want(c, "a", 6)
	want(again(), "a", 6)
	full := mirror.Checkpoint{
		Generation: 2, Claim: 3, Start: 4, Next: 5, SnapshotEnd: 6, Last: &mirror.Last{Target: 7, Origin: 8, Generation: 2, Tombstone: true},
		Proof: []mirror.Proof{{Offset: 1, Hash: 1 << 63}}, SourceID: "s", TargetID: "t",
	}
	save(c, "a", full)
	got, err := again().Saved(t.Context(), "a")
	if err != nil || got == nil || !same(got, &full) || !slices.Equal(got.Proof, full.Proof) || got.SnapshotEnd != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	want(c, "b", 0)
	want(c, "a", 5)
}

func TestCheckpointsInMemory(t *testing.T) {
	var s shelf
	testCheckpoints(t, func() Checkpoints { return &s })
}
