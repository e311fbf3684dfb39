package shared

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSimShared: hosts that make calls to one log.
func TestSimShared(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(800, 30), func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}

// TestSimSharedLossy: the log loses its tail.
func TestSimSharedLossy(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(300, 15), func(seed uint64) sim.Story { return newLossy(seed, mutant{}) })
}

func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	sim.SameRun(t, func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}
