package sim

import (
	"flag"
	"reflect"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this one seed instead of many")
	seedsFlag = flag.Uint64("seeds", 0, "how many seeds to run of each story")
)

// Story is one run of a world.
type Story interface {
	// Run runs it to its end, and leaves no process behind.
	Run()
	// Check says what is wrong with how it ended, or nil.
	Check() error
	// Records is the log that it left.
	Records() []events.Record
}

// Teller is a Story that tells itself what happened; else its log is told.
type Teller interface {
	Tell(say func(format string, args ...any))
}

// Many is how many seeds to run: few with -short, and under the race detector, which
// has nothing to find in one thread and makes a seed take ten times as long.
func Many(plain, few uint64) uint64 {
	if raceDetector || testing.Short() {
		return few
	}
	return plain
}

// Seeds runs a story for each seed of this test run; the first that fails ends
// it. What happened in a single one is told.
func Seeds(t *testing.T, many uint64, begin func(seed uint64) Story) {
	t.Helper()
	from, to := uint64(1), many
	if *seedsFlag != 0 {
		to = *seedsFlag
	}
	if *seedFlag != 0 {
		from, to = *seedFlag, *seedFlag
	}
	for seed := from; seed <= to; seed++ {
		s := begin(seed)
		s.Run()
		if *seedFlag != 0 {
			tell(t, s)
		}
		if err := s.Check(); err != nil {
			t.Fatalf("seed %d: %v\nreplay: go test ./internal/sim/... -run '^%s$' -seed %d", seed, err, t.Name(), seed)
		}
	}
}

// Dies runs a mutant's stories until one ends wrong.
func Dies(t *testing.T, begin func(seed uint64) Story) {
	t.Helper()
	for seed := uint64(1); seed <= 1000; seed++ {
		s := begin(seed)
		s.Run()
		if err := s.Check(); err != nil {
			t.Logf("dies of seed %d: %v", seed, err)
			return
		}
	}
	t.Error("survived 1,000 seeds")
}

// SameRun fails if two runs of one seed differ: then a failure could not be
// replayed.
func SameRun(t *testing.T, begin func(seed uint64) Story) {
	t.Helper()
	once, twice := begin(7), begin(7)
	once.Run()
	twice.Run()
	if a, b := once.Records(), twice.Records(); !reflect.DeepEqual(a, b) {
		t.Errorf("two runs of one seed left %d and %d records, which differ", len(a), len(b))
	}
}

func tell(t *testing.T, s Story) {
	t.Helper()
	if teller, ok := s.(Teller); ok {
		teller.Tell(t.Logf)
		return
	}
	narrate(t, s.Records())
}

// narrate logs what a log holds and why some of it does not count.
func narrate(t *testing.T, records []events.Record) {
	t.Helper()
	log := memlog.New()
	_, _ = log.Append(t.Context(), records)
	r := eventlog.NewReader(log, "", 0)
	r.OnSkip = func(why eventlog.Skip, records []events.Record) {
		t.Logf("%5d  %d records do not count: %v", records[0].Offset, len(records), why)
	}
	err := r.Barrier(t.Context(), func(l events.Logged, rec *events.Record) {
		t.Logf("%5d  %6d ms  %d/%d %s %v", l.Offset, rec.Timestamp-epoch.Milliseconds(), l.Epoch, l.N, l.Type, l.Message)
	})
	if err != nil {
		t.Error(err)
	}
}
