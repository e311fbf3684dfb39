package proof

import "testing"

// BenchmarkJudge judges the log of the large proof.
func BenchmarkJudge(b *testing.B) {
	s := newStory(b, 1)
	s.tell()
	records := s.records()
	b.ReportAllocs()
	for b.Loop() {
		if r := judge(records); !r.OK() {
			b.Fatal(r.Findings[0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/event")
}
