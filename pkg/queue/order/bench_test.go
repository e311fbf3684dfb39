package order_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

const million = 1_000_000

// ids are those of UUIDs of version 7.
func ids(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("01893000-%04x-7%03x-8%03x-%012x", i/1000, i%1000, r.IntN(1<<12), r.Uint64N(1<<48))
	}
	return out
}

func filled(b testing.TB, ids []string) *log {
	l := newLog(b, nil)
	payload := make([]byte, 100)
	m := &events.QueueEnqueued{Payload: payload}
	for _, id := range ids {
		if m.Id = id; l.call(m) != "" {
			b.Fatal(id)
		}
	}
	return l
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFold is the fold of a million entries, from their calls.
func BenchmarkFold(b *testing.B) {
	all := ids(million)
	before := heap()
	var l *log
	for b.Loop() {
		l = filled(b, all)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/entry")
	b.ReportMetric(float64(heap()-before)/million, "bytes/entry")
	runtime.KeepAlive(l)
	runtime.KeepAlive(all)
}

// BenchmarkRestore is that of a million entries.
func BenchmarkRestore(b *testing.B) {
	state := filled(b, ids(million)).q.Snapshot(nil)
	for b.Loop() {
		if err := order.New().Restore(state); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(state))/million, "bytes/entry")
}

// BenchmarkSnapshot is that of a million entries.
func BenchmarkSnapshot(b *testing.B) {
	l := filled(b, ids(million))
	var state []byte
	for b.Loop() {
		state = l.q.Snapshot(state[:0])
	}
}

// BenchmarkEntries is a page of 100 in a million, of which three quarters were removed in
// any order or none.
func BenchmarkEntries(b *testing.B) {
	for _, removed := range []int{0, million * 3 / 4, million * 999 / 1000} {
		b.Run(fmt.Sprintf("removed=%d", removed), func(b *testing.B) {
			all := ids(million)
			l := filled(b, all)
			r := rand.New(rand.NewPCG(1, 2))
			for _, i := range r.Perm(million)[:removed] {
				l.call(&events.QueueRemoved{Id: all[i]})
			}
			var page []order.Entry
			for b.Loop() {
				page = l.q.Entries(page[:0], r.Int64N(million), 100)
			}
		})
	}
}

// BenchmarkClaimAndDone is the life of an entry in a queue of a million, most of which is
// claimed.
func BenchmarkClaimAndDone(b *testing.B) {
	all := ids(million)
	l := filled(b, all)
	for range million / 2000 {
		l.call(&events.QueueClaimed{Count: 1000, LeaseMs: 1000})
	}
	i := 0
	for b.Loop() {
		token := l.offset
		l.call(&events.QueueClaimed{LeaseMs: 1000})
		l.call(&events.QueueDone{Id: l.q.Taken(token)[0].ID, Token: token})
		l.call(enqueued(fmt.Sprint(i)))
		i++
	}
}

// BenchmarkRemoved is a removed ID of those that are remembered for ever.
func BenchmarkRemoved(b *testing.B) {
	all := ids(million)
	before := heap()
	var l *log
	for b.Loop() {
		l = filled(b, all)
		for _, id := range all {
			l.call(&events.QueueRemoved{Id: id})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/entry")
	b.ReportMetric(float64(heap()-before)/million, "bytes/entry")
	runtime.KeepAlive(l)
	runtime.KeepAlive(all)
}
