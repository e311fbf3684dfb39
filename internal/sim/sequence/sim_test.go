package sequence

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSimSequence: writers that follow one another in one queue.
func TestSimSequence(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(600, 30), func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}

func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	sim.SameRun(t, func(seed uint64) sim.Story { return newStory(seed, mutant{}) })
}

func TestSimSequenceMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name   string
		mutant mutant
	}{
		{"a state that forgets which numbers were used", mutant{bareStates: true}},
		{"an older term is taken", mutant{termless: true}},
		{"a refused entry is taken for one that is there", mutant{ownCount: true}},
		{"the verdict is the acknowledgement", mutant{trustsAcks: true}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story { return newStory(seed, m.mutant) })
		})
	}
}
