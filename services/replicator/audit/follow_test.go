package audit

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// following is a Follower in memory.
func following(s *sides, buried ...int64) *Follower {
	return &Follower{sides: *s, letters: func(context.Context) (letters, error) {
		of := map[int64]bool{}
		for _, offset := range buried {
			of[offset] = true
		}
		return letters{here.Partition: of}, nil
	}}
}

// rest takes all windows that there are, and adds them up.
func rest(t interface{ Fatal(args ...any) }, f *Follower) (sum compare.Result, windows, different int) {
	for doubts := 0; doubts < 2; {
		seen, err := f.Look(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !seen.Compared {
			if doubts++; seen.Behind == 0 {
				return sum, windows, different
			}
			continue
		}
		doubts = 0
		windows++
		if !seen.Equal() {
			different++
		}
		sum.Add(&seen.Result)
		sum.Earlier += seen.Earlier
	}
	t.Fatal("a window is never judged")
	return
}

// What a Follower says of windows is what an audit of all says, but that it passes over
// what is missing at the end of a generation.
func TestFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, source, target := drawn(t)
		f := following(s)
		all, err := s.audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, _, _ := rest(t, f)
		if got.Same != int64(len(live(source, target))) || got.Wrong.Total() != got.Wrong[compare.Missing] || got.Wrong[compare.Missing] > all.Wrong[compare.Missing] {
			t.Fatalf("%+v, want %+v", got, all)
		}
	})
}

// Each record is compared once, when its copy has come; what is wrong is found once, in
// whatever window it is.
func TestFollowedWhileItIsCopied(t *testing.T) {
	s, source, target := lines(0)
	f := following(s)
	add := func(o int64, copies ...events.Record) {
		t.Helper()
		source.put(record(o))
		for _, c := range copies {
			target.put(c)
		}
	}
	expect := func(same int64, kind compare.Kind, wrong int64) {
		t.Helper()
		got, _, _ := rest(t, f)
		if got.Same != same || got.Wrong[kind] != wrong || got.Wrong.Total() != wrong {
			t.Errorf("%+v; want %d the same and %d %v", got, same, wrong, kind)
		}
	}
	for o := range int64(10) {
		add(o, copyOf(record(o), 1))
	}
	expect(10, compare.Missing, 0)
	expect(0, compare.Missing, 0)
	add(10)
	expect(0, compare.Missing, 0) // It is not copied yet.
	add(11, copyOf(record(11), 1))
	expect(1, compare.Missing, 1)
	changed := record(12)
	changed.Value = []byte("w")
	add(12, copyOf(changed, 1))
	expect(0, compare.Differs, 1)
	add(13, record(99), copyOf(record(13), 1))
	expect(1, compare.Foreign, 1)
	target.put(copyOf(record(3), 1))
	expect(0, compare.Disorder, 1)
	target.put(record(100))
	expect(0, compare.Foreign, 1)
	f.cfg.Buried, f.letters = nil, following(s, 14).letters
	add(14)
	add(15, copyOf(record(15), 1))
	expect(1, compare.Missing, 0) // It is a dead letter, which was not known.
	source.records, source.end, source.start = nil, 20, 20
	target.start, target.end, target.records = 30, 30, nil
	add(20, copyOf(record(20), 1))
	seen, err := f.Look(t.Context())
	if err != nil || !seen.Compared || seen.Skipped == 0 || seen.Same != 1 {
		t.Errorf("what was deleted: %+v, %v", seen, err)
	}
}

// A source that was created again is not told as different where the copy of the new one
// is there by the second look; if it never comes, it is.
func TestFollowedIsDoubted(t *testing.T) {
	s, source, target := lines(6)
	source.records, source.end = nil, 0
	for o := range int64(9) {
		r := record(o)
		r.Value = []byte("new")
		source.put(r)
	}
	f := following(s)
	if seen, err := f.Look(t.Context()); err != nil || seen.Compared {
		t.Errorf("%+v, %v: it was not doubted", seen, err)
	}
	for _, r := range source.records {
		target.put(copyOf(r, 2))
	}
	if got, _, different := rest(t, f); different != 0 || got.Same != 9 || got.Earlier != 6 {
		t.Errorf("%+v, %d windows differ", got, different)
	}
	s, source, _ = lines(6)
	source.records, source.end = source.records[:4], 4
	if got, _, different := rest(t, following(s)); different == 0 || got.Same != 4 {
		t.Errorf("a source that has lost its end: %+v, %d windows differ", got, different)
	}
}
