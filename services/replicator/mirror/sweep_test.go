package mirror

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

const hour = int64(time.Hour / time.Millisecond)

// swept is a compacted source, its copy, and what keeps the copy.
type swept struct {
	source, target partition
	saved          *Checkpoint
	now            int64
	page           int
	room           int
	shared         bool
	swept          int64
	stop           func(c *Copy) bool // ends a run, as a crash does
}

func put(key string, dead bool) events.Record {
	r := events.Record{Key: []byte(key), Value: []byte("v")}
	if dead {
		r.Value = nil
	}
	return r
}

// compact leaves the newest record of each key, and of deleted keys none.
func compact(p *partition) {
	last := map[string]int64{}
	for _, r := range p.records {
		last[string(r.Key)] = r.Offset
	}
	p.records = slices.DeleteFunc(p.records, func(r events.Record) bool { return last[string(r.Key)] != r.Offset || r.Value == nil })
}

// live are the keys that a partition has.
func live(p *partition) []string {
	keys := map[string]bool{}
	for _, r := range p.records {
		if keys[string(r.Key)] = true; r.Value == nil {
			delete(keys, string(r.Key))
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// run copies until nothing is left to do.
func (s *swept) run() error {
	c := New(Config{Source: from, Target: into, Shared: s.shared, Compacted: Compaction{Source: true, Target: true, Tombstones: 2 * time.Hour}}, s.saved)
	c.room = s.room
	defer func() { s.swept += c.Counts().Swept }()
	for idle := 0; idle < 2; {
		if mark, ok := c.Checkpoint(); ok {
			s.saved = &mark
		}
		if s.stop != nil && s.stop(c) {
			return nil
		}
		var err error
		switch step := c.Next().(type) {
		case Claim:
			s.target.end++
			err = c.Claimed(s.target.start, s.target.end, "t")
		case ReadTail:
			if step.From >= step.To {
				return fmt.Errorf("nothing is to be read from %d up to %d", step.From, step.To)
			}
			page := s.target.read(step.From, s.page)
			err = c.Tail(Tail{page.Records, page.Next})
		case ReadSource:
			page := Source{Page: s.source.read(step.From, s.page), ID: "s", At: s.now}
			if idle = 0; step.From >= page.End && c.State() == Delta {
				idle++
				page.Next = page.End
			}
			if err = c.Page(step.From, &page); c.State() == Delta && idle > 0 {
				idle++
			}
		case Save:
			s.saved = &step.Checkpoint
			err = c.Saved()
		case Append:
			err = c.Appended(s.target.append(step.Records...))
		case Rest:
			return fmt.Errorf("it rests: %s", step.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A key that the source deleted while the copy was away for longer than tombstones live is
// deleted from the copy, and none that the source has; also where the keys are compared in
// many shares, and where the copy ends in between. Of a copy that was away shortly no keys
// are compared.
func TestSwept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &swept{now: 1000 * hour, page: rapid.IntRange(1, 7).Draw(t, "page"), room: rapid.IntRange(100, 2000).Draw(t, "room")}
		write := func() {
			for range rapid.IntRange(0, 40).Draw(t, "records") {
				s.source.append(put(fmt.Sprint("key", rapid.IntRange(0, 30).Draw(t, "key")), rapid.IntRange(0, 3).Draw(t, "dead") == 0))
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			write()
			if err := s.run(); err != nil {
				t.Fatal(err)
			}
			write()
			long := rapid.Bool().Draw(t, "long")
			if s.now += hour / 2; long {
				s.now += 2 * hour
				compact(&s.source)
			}
			before := s.swept
			if rapid.Bool().Draw(t, "crash") {
				left := rapid.IntRange(1, 60).Draw(t, "steps")
				s.stop = func(*Copy) bool { left--; return left == 0 }
				if err := s.run(); err != nil {
					t.Fatal(err)
				}
				s.stop = nil
			}
			if err := s.run(); err != nil {
				t.Fatal(err)
			}
			if got, want := live(&s.target), live(&s.source); !slices.Equal(got, want) {
				t.Fatalf("the copy has %v, the source %v; long: %v", got, want, long)
			}
			if !long && s.swept > before {
				t.Fatalf("%d keys were swept, though it was away for half an hour", s.swept-before)
			}
			twice := map[string]bool{} // No tombstone stands where the key is deleted already.
			for i := range s.target.records {
				r := &s.target.records[i]
				if p, ok := events.ProvenanceOf(r, into); !ok || p.Swept(r) && twice[string(r.Key)] {
					t.Fatalf("%s at %d", r.Key, r.Offset)
				}
				twice[string(r.Key)] = r.Value == nil
			}
		}
	})
}

// What others have written last into a shared target is not swept.
func TestSweptOfOthers(t *testing.T) {
	s := &swept{now: 1000 * hour, page: 5, room: sweptBytes, shared: true}
	s.source.append(put("a", false), put("b", false), put("c", false))
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	s.target.append(put("local", false), put("b", false))
	s.source.append(put("a", true), put("b", true))
	compact(&s.source)
	s.now += 3 * hour
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	if got := live(&s.target); !slices.Equal(got, []string{"b", "c", "local"}) || s.swept != 1 {
		t.Errorf("the target has %v; %d were swept", got, s.swept)
	}
}

// Where a checkpoint is lost, or a generation begins, keys are compared; where the target
// is empty, they are not.
func TestSweptWithoutACheckpoint(t *testing.T) {
	s := &swept{now: 1000 * hour, page: 5, room: sweptBytes}
	s.source.append(put("a", false), put("b", false))
	sweeping := 0
	s.stop = func(c *Copy) bool {
		if c.State() == Sweeping {
			sweeping++
		}
		return false
	}
	if err := s.run(); err != nil || sweeping > 0 {
		t.Fatalf("%v; of an empty target keys were compared in %d steps", err, sweeping)
	}
	s.saved = nil
	s.source.append(put("a", true), put("c", false))
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "lis", Topic: "t"}}, Generation: 1}
	relayed := put("d", false)
	s.source.append(mark.Mark(&relayed, from)) // It is not copied.
	compact(&s.source)
	if err := s.run(); err != nil || sweeping == 0 {
		t.Fatalf("%v; %d steps", err, sweeping)
	}
	if got := live(&s.target); !slices.Equal(got, []string{"b", "c"}) || s.swept != 1 {
		t.Errorf("the target has %v", got)
	}
	s.saved, s.now = nil, s.now+3*hour // The newest record of the copy is no record of the source.
	if err := s.run(); err != nil {
		t.Error(err)
	}
	sweeping = 0
	if err := s.run(); err != nil || sweeping > 0 {
		t.Errorf("%v; it was swept again: %d steps", err, sweeping)
	}
}
