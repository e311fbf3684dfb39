package mirror

import (
	"flag"
	"fmt"
	"testing"
)

var (
	seeds = flag.Int("seeds", 4000, "how many worlds the copies are tried in")
	one   = flag.Int("seed", -1, "the only world, with what happens in it")
)

// run runs a world from a seed.
func run(seed uint64, f flaw, say func(string, ...any)) (w *world, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	w = newWorld(seed, f)
	if say != nil {
		w.say = say
	}
	for range 400 {
		w.turn()
	}
	if err := w.rest(); err != nil {
		return w, err
	}
	return w, w.judge()
}

func TestSimCopies(t *testing.T) {
	if *one >= 0 {
		if _, err := run(uint64(*one), none, t.Logf); err != nil {
			t.Fatal(err)
		}
		return
	}
	judged, hazy := 0, 0
	for seed := range uint64(*seeds) {
		w, err := run(seed, none, nil)
		if err != nil {
			t.Fatalf("%v; go test ./services/replicator/mirror -run TestSimCopies -seed %d -v", err, seed)
		}
		judged, hazy = judged+w.judged, hazy+w.hazy
	}
	if hazy > judged/10 {
		t.Errorf("of %d of %d records it is not known what was declared", hazy, judged)
	}
	t.Logf("of %d of %d records it is not known what was declared", hazy, judged)
}

func TestSimFlawsAreFound(t *testing.T) {
	for f := none + 1; f < flaws; f++ {
		found := false
		for seed := range uint64(*seeds) {
			if _, err := run(seed, f, nil); err != nil {
				t.Logf("flaw %d: seed %d: %v", f, seed, err)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("flaw %d is not found", f)
		}
	}
}
