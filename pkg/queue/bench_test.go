package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/queue"
)

// BenchmarkEnqueue is entries that are put in by one process, without waiting for each.
func BenchmarkEnqueue(b *testing.B) {
	c := broker(b)
	q := create(b, c, "q", queue.Rules{})
	payload := make([]byte, 100)
	var left sync.WaitGroup
	began := time.Now()
	for b.Loop() {
		left.Add(1)
		if err := q.Start(b.Context(), queue.Item{Payload: payload}, func(r queue.Result) {
			if r.Err != nil {
				b.Error(r.Err)
			}
			left.Done()
		}); err != nil {
			b.Fatal(err)
		}
	}
	left.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "entries/s")
}

// BenchmarkClaimAndDone is the work of 16 workers on one host.
func BenchmarkClaimAndDone(b *testing.B) {
	c := broker(b)
	q := create(b, c, "q", queue.Rules{})
	items := make([]queue.Item, b.N)
	if _, err := q.EnqueueAll(b.Context(), items); err != nil {
		b.Fatal(err)
	}
	var working sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for range 16 {
		working.Go(func() {
			for {
				work, err := q.Claim(b.Context(), queue.Request{Lease: time.Hour})
				if err != nil {
					return // There are no more.
				}
				for _, e := range work.Entries {
					if err := q.Done(b.Context(), e.ID, work.Token); err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "entries/s")
}
