package lease

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestAForgedOriginDoesNotMakeItDeaf: a record with an epoch far from all that was read
// changes nothing, and an engine of which it is the very first record hears the log again.
func TestAForgedOriginDoesNotMakeItDeaf(t *testing.T) {
	t.Parallel()
	from := func(epoch, n uint64) []byte { return fmt.Appendf(nil, "spanway.tasks.events/3/%d/%d", epoch, n) }
	read := func(m marks, epoch, n uint64) bool {
		fresh, ok := m.above(from(epoch, n))
		return fresh && ok
	}
	m := marks{}
	if !read(m, 5, 1) || read(m, 1<<32-1, 7) || !read(m, 5, 2) || read(m, 5, 2) || !read(m, 6, 0) {
		t.Error("after a forged one, what is new is not read, or what is not")
	}
	if got := m.of("spanway.tasks.events/3"); got != (mark{6, 0}) {
		t.Errorf("the engine says to have read %v", got)
	}
	m = marks{}
	if !read(m, 1<<32-1, 7) { // Nothing tells it from a true one.
		t.Fatal("the first record is not read")
	}
	if read(m, 5, 1) || !read(m, 5, 2) || !read(m, 5, 3) || read(m, 5, 3) {
		t.Error("the log is not heard again after its second record")
	}
	if read(m, 106, 1) || !read(m, 106, 2) {
		t.Error("a log that went on by many epochs is not heard")
	}
}

// TestARecoveryOfNoTime: a notice whose time leaves none for a later one is not heeded.
func TestARecoveryOfNoTime(t *testing.T) {
	t.Parallel()
	s := ready(t)
	before := s.h.counts.Malformed
	rec, err := events.Encoder{Source: "/test"}.Encode("x", &events.LogRecovered{
		Topic: topic, Partition: events.PoolPartition("blue"), AtMs: 1<<63 - 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.h.Read(s.now, events.Page{Records: []events.Record{rec}})
	if !s.h.alive() || len(s.h.recovered) != 0 || s.h.counts.Malformed != before+1 {
		t.Errorf("it was heeded: %v", s.h.recovered)
	}
}
