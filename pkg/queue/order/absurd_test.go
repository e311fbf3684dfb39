package order_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Nothing that stands in a log stops its fold: after each absurd call the queue goes on,
// and its state can be restored.
func TestAbsurdCalls(t *testing.T) {
	known := eventstest.Known{"id": "a", "token": int64(2)}
	n := 0
	for _, typ := range events.Types() {
		m := events.New(typ)
		if _, ok := m.(interface{ GetAtMs() int64 }); !ok {
			continue
		}
		for name, m := range eventstest.Absurd(typ, known) {
			n++
			l := newLog(t, nil)
			l.enqueue(t, "a")
			if code := l.call(&events.QueueClaimed{LeaseMs: 1000}); code != "" {
				t.Fatal(code)
			}
			code := l.call(m)
			if _, ok := m.(*events.QueueDeleted); ok && code == "" {
				continue
			}
			l.pass(2000)
			again := order.New()
			if err := again.Restore(l.q.Snapshot(nil)); err != nil {
				t.Fatalf("%s, %s: it is decided %q, and then: %v", typ, name, code, err)
			}
			if !bytes.Equal(again.Snapshot(nil), l.q.Snapshot(nil)) {
				t.Fatalf("%s, %s: it is decided %q, and restored the state is another", typ, name, code)
			}
			if code := l.call(enqueued("b")); code != "" {
				t.Fatalf("%s, %s: the next call is decided %q", typ, name, code)
			}
		}
	}
	if n < 500 {
		t.Fatalf("only %d absurd calls were tried", n)
	}
}

func FuzzRestore(f *testing.F) {
	for _, kind := range kinds {
		n := 0
		w := newWorld(f, kind, 30, func(most int) int { n++; return n * 7919 % most })
		for range 200 {
			w.step(f)
		}
		f.Add(w.q.Snapshot(nil))
	}
	f.Add(order.New().Snapshot(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		q := order.New()
		if q.Restore(state) != nil {
			return
		}
		l := log{q: q, offset: math.MaxInt64 / 2}
		l.call(enqueued("a"))
		l.call(&events.QueueClaimed{Count: 1000, LeaseMs: 1})
		for _, e := range q.Entries(nil, -1, 100) {
			l.call(&events.QueueRemoved{Id: e.ID})
		}
		l.pass(math.MaxInt64 / 2)
		q.Floor()
		again := order.New()
		if err := again.Restore(q.Snapshot(nil)); err != nil {
			t.Fatal(err)
		}
	})
}

// The state of a newer version is told from a broken one.
func TestANewerState(t *testing.T) {
	err := order.New().Restore([]byte{99})
	newer, ok := err.(interface {
		NewerVersion() (version, known uint32)
	})
	if !ok {
		t.Fatal(err)
	}
	if v, known := newer.NewerVersion(); v != 99 || known != 3 {
		t.Fatalf("version %d, known %d", v, known)
	}
}
