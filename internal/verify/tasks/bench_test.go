package tasks

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
)

// BenchmarkFeed judges logs of tasks that are accepted, assigned and succeed.
func BenchmarkFeed(b *testing.B) {
	const tasks = 100
	l := newLog(&testing.T{})
	l.each(eng("e", "i1", 1))
	var messages []proto.Message
	for i := range tasks {
		id := fmt.Sprintf("task-%d", i)
		place := assigned(id, uint64(i+1))
		place.View = int64(len(l.Records) + 3*i + 1)
		messages = append(messages, where(id, "engine.labels.gpu >= 1"), place, succeeded(id, uint64(i+1)))
	}
	l.Batch(messages...)
	b.ReportAllocs()
	for b.Loop() {
		if r := l.judge(Options{NoneOpen: true}); !r.OK() {
			b.Fatal(r.Findings)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tasks), "ns/task")
}
