package sim

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this one seed instead of many")
	seedsFlag = flag.Uint64("seeds", 1500, "how many seeds to run")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeds calls run for each seed of this test run, the first seed that fails
// ends it.
func seeds(t *testing.T, run func(seed uint64) error) {
	t.Helper()
	from, to := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		from, to = *seedFlag, *seedFlag
	}
	for seed := from; seed <= to; seed++ {
		if err := run(seed); err != nil {
			t.Fatalf("seed %d: %v\nreplay: go test ./internal/sim -run '^%s$' -seed %d", seed, err, t.Name(), seed)
		}
	}
}

// TestSimOwners: three nodes that all want to own one log.
func TestSimOwners(t *testing.T) {
	t.Parallel()
	seeds(t, func(seed uint64) error {
		o := newOwners(seed, nil)
		o.run()
		return o.check()
	})
}
