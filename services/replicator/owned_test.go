package replicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// opened makes this process a host of a queue at a site.
func (p *place) opened(name, prefix string) *queue.Queue {
	p.t.Helper()
	o := queue.Options{Prefix: prefix, Brief: true, Holder: "test", Logger: slog.New(slog.DiscardHandler)}
	q, err := queue.Open(p.t.Context(), p.cluster, name, o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = q.Close() })
	return q
}

// filled creates a queue at a site and puts entries in, of which some are taken out and
// some claimed.
func (p *place) filled(name string) *queue.Queue {
	p.t.Helper()
	if err := queue.Create(p.t.Context(), p.cluster, name, queue.Rules{}, queue.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		p.t.Fatal(err)
	}
	q := p.opened(name, "")
	p.enqueue(q, 0, 20)
	for _, id := range []string{"e3", "e7"} {
		if err := q.Remove(p.t.Context(), id, ""); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := q.Claim(p.t.Context(), queue.Request{Count: 3, Lease: time.Hour}); err != nil {
		p.t.Fatal(err)
	}
	return q
}

func (p *place) enqueue(q *queue.Queue, from, to int) {
	p.t.Helper()
	for i := from; i < to; i++ {
		if _, err := q.Enqueue(p.t.Context(), queue.Item{ID: fmt.Sprintf("e%d", i), Payload: fmt.Appendf(nil, "payload %d", i)}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// listed is the ordering of a queue.
func (p *place) listed(q *queue.Queue, barrier bool) queue.Page {
	p.t.Helper()
	page, err := q.Entries(p.t.Context(), -1, 1000, barrier)
	if err != nil {
		p.t.Fatal(err)
	}
	return page
}

// same waits until a queue's copy has been read up to where the queue is, and compares.
func same(t *testing.T, ams, fra *place, q, copied *queue.Queue) {
	t.Helper()
	want := ams.listed(q, true)
	eventually(t, "the copy has come to where the queue is", func() bool {
		return fra.listed(copied, true).At.Offset >= want.At.Offset
	})
	got := fra.listed(copied, true)
	if !reflect.DeepEqual(got.Entries, want.Entries) || got.At.Offset != want.At.Offset {
		t.Errorf("the copy has, up to %d\n%+v\nthe queue, up to %d\n%+v", got.At.Offset, got.Entries, want.At.Offset, want.Entries)
	}
	streamed(t, fra, copied.Name(), want)
	for _, e := range want.Entries {
		there, err := q.Payload(t.Context(), e)
		here, err2 := copied.Payload(t.Context(), e)
		if err != nil || err2 != nil || !reflect.DeepEqual(there, here) {
			t.Fatalf("the payload of %s is %+v, and of its copy %+v: %v, %v", e.ID, there, here, err, err2)
		}
	}
}

// streamed compares what is listed of a copy by a process that is no host.
func streamed(t *testing.T, fra *place, name string, want queue.Page) {
	t.Helper()
	l, err := queue.List(t.Context(), fra.cluster, name, queue.Options{Prefix: "ams.spanway.", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got []queue.Entry
	for e, err := range l.Entries(-1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !reflect.DeepEqual(got, want.Entries) || l.At().Offset != want.At.Offset {
		t.Errorf("listed of the copy, up to %d\n%+v\nthe queue, up to %d\n%+v", l.At().Offset, got, want.At.Offset, want.Entries)
	}
}

// The copy of a queue has the same ordering as the queue, although it stands at other
// offsets, and it is read-only.
func TestAQueueIsTheSameAtItsMirror(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	q := ams.filled("orders")
	_, stop := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{`spanway\.queue\.orders`}, Prefix: "ams."})
	topic := events.Topics{Prefix: "ams.spanway."}.Queue("orders")
	eventually(t, "the queue is copied", func() bool {
		return fra.count(topic, 0) == ams.count(events.Topics{Prefix: events.DefaultPrefix}.Queue("orders"), 0)
	})
	copied := fra.opened("orders", "ams.spanway.")
	same(t, ams, fra, q, copied)

	stop() // The next writer leaves a marker behind, by which offsets differ.
	s, _ := fra.serve("two")
	until(t, s, "in/ams.spanway.queue.orders/0", "it is copied again", func(st *standing) bool { return st.report.State == mirror.Delta })
	ams.enqueue(q, 20, 40)
	same(t, ams, fra, q, copied)
	same(t, ams, fra, q, fra.opened("orders", "ams.spanway."))
	if _, end, err := fra.cluster.Offsets(t.Context(), topic, 0); err != nil || end <= ams.listed(q, true).At.Offset {
		t.Errorf("the copy ends at %d as the queue does: the test compares equal offsets (%v)", end, err)
	}
	readOnly(t, ams, fra, q, copied, topic)
}

// readOnly tries to write to a copy.
func readOnly(t *testing.T, ams, fra *place, q, copied *queue.Queue, topic string) {
	t.Helper()
	before := fra.count(topic, 0)
	_, enqueued := copied.Enqueue(t.Context(), queue.Item{ID: "other"})
	_, claimed := copied.Claim(t.Context(), queue.Request{Count: 1, Lease: time.Hour})
	for what, err := range map[string]error{
		"enqueue": enqueued, "claim": claimed, "remove": copied.Remove(t.Context(), "e9", ""),
		"configure": copied.Configure(t.Context(), queue.Rules{MaxEntries: 1}), "delete": copied.Delete(t.Context(), true),
	} {
		var refused *queue.Refused
		if !errors.Is(err, queue.ErrReadOnly) || !errors.As(err, &refused) || refused.Of == nil || refused.Of.Cluster != "ams-cluster" {
			t.Errorf("%s: %v; want READ_ONLY_MIRROR that names the cluster ams-cluster", what, err)
		}
	}
	if n := fra.count(topic, 0); n != before {
		t.Errorf("the copy has %d records, and had %d", n, before)
	}
	// What others write does not count.
	foreign, err := events.Encoder{Source: "/test"}.Encode("x", &events.QueueEnqueued{Id: "foreign"},
		events.Header{Key: events.HeaderCall, Value: []byte("0123456789abcdef")}, events.Header{Key: events.HeaderSeen, Value: make([]byte, 8)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fra.cluster.Partition(topic, 0).Append(t.Context(), []events.Record{foreign}); err != nil {
		t.Fatal(err)
	}
	same(t, ams, fra, q, copied)
}

// What keeps queues keeps none that is a copy: it writes no snapshots of it, moves no time in
// it and deletes nothing, while it does all that for a queue of its own beside it.
func TestACopyOfAQueueIsNotKept(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	o := queue.Options{
		Prefix: "ams.spanway.", Holder: "test", Logger: slog.New(slog.DiscardHandler),
		Snapshots: logowner.Snapshots{Events: 1, Interval: time.Millisecond, History: time.Nanosecond},
	}
	if err := queue.Create(t.Context(), fra.cluster, "own", queue.Rules{}, o); err != nil { // Before there are copies.
		t.Fatal(err)
	}
	q := ams.filled("orders")
	if _, err := q.Claim(t.Context(), queue.Request{Count: 3, Lease: time.Millisecond}); err != nil {
		t.Fatal(err) // They are due at the copy, too.
	}
	fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{`spanway\.queue\.orders.*`}, Prefix: "ams."})
	topic := events.Topics{Prefix: o.Prefix}.Queue("orders")
	eventually(t, "the queue is copied", func() bool {
		n := fra.count(topic, 0)
		return n > 0 && n == ams.count(events.Topics{Prefix: events.DefaultPrefix}.Queue("orders"), 0)
	})
	before := fra.count(topic, 0)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { defer close(kept); queue.Keep(ctx, fra.cluster, o) }()
	defer func() { stop(); <-kept }()
	own := fra.opened("own", o.Prefix)
	snapshots := events.Snapshots(events.Topics{Prefix: o.Prefix}.Queue("own"))
	for round := range 3 {
		_, written, _ := fra.cluster.Offsets(t.Context(), snapshots, 0)
		fra.enqueue(own, round, round+1)
		eventually(t, "its own queue is kept", func() bool {
			_, end, err := fra.cluster.Offsets(t.Context(), snapshots, 0)
			return err == nil && end > written
		})
	}
	if n := fra.count(topic, 0); n != before {
		t.Errorf("the copy has %d records, and had %d", n, before)
	}
	if n := fra.count(events.Snapshots(topic), 0); n != 0 {
		t.Errorf("%d snapshots were written at the copy", n)
	}
}
