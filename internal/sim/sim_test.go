package sim

import (
	"flag"
	"reflect"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this one seed instead of many")
	seedsFlag = flag.Uint64("seeds", 0, "how many seeds to run of each story")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// story is one run of a world.
type story interface {
	run()
	check() error
	// records is the log that it left.
	records() []events.Record
}

// seeds runs a story for each seed of this test run; the first that fails ends
// it. A single seed's log is told.
func seeds(t *testing.T, many uint64, begin func(seed uint64) story) {
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
		s.run()
		if *seedFlag != 0 {
			narrate(t, s.records())
		}
		if err := s.check(); err != nil {
			t.Fatalf("seed %d: %v\nreplay: go test ./internal/sim -run '^%s$' -seed %d", seed, err, t.Name(), seed)
		}
	}
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

// TestSimOwners: three nodes that all want to own one log.
func TestSimOwners(t *testing.T) {
	t.Parallel()
	seeds(t, manyOwners, func(seed uint64) story { return newOwners(seed, nil) })
}

// TestSimFleet: schedulers and engines with their production cores.
func TestSimFleet(t *testing.T) {
	t.Parallel()
	seeds(t, manyFleets, func(seed uint64) story { return newFleet(seed, nil) })
}

// TestSameSeedSameRun: or else a failure could not be replayed.
func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	for _, begin := range []func() story{
		func() story { return newOwners(7, nil) },
		func() story { return newFleet(7, nil) },
	} {
		once, twice := begin(), begin()
		once.run()
		twice.run()
		if a, b := once.records(), twice.records(); !reflect.DeepEqual(a, b) {
			t.Errorf("two runs of one seed left %d and %d records, which differ", len(a), len(b))
		}
	}
}
