package fleet

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSimFleet: schedulers and engines with their production cores.
func TestSimFleet(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(500, 40), func(seed uint64) sim.Story { return newFleet(seed, nil) })
}

func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	sim.SameRun(t, func(seed uint64) sim.Story { return newFleet(seed, nil) })
}
