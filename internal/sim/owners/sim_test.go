package owners

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSimOwners: three nodes that all want to own one log.
func TestSimOwners(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(1000, 150), func(seed uint64) sim.Story { return newOwners(seed, nil) })
}

// TestSimLossy: owners, snapshots and receivers of a log that loses its tail.
func TestSimLossy(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(300, 75), func(seed uint64) sim.Story { return newLossy(seed, nil) })
}

func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	sim.SameRun(t, func(seed uint64) sim.Story { return newOwners(seed, nil) })
}
