package fleet

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
)

// crowded lets partitions take nothing for a third of the time, each for a while, until
// the quiet time.
func crowded(seed uint64) sim.Mutant[input] {
	return func(cfg *eventlog.OwnerConfig[input], p *sim.Process) {
		cfg.Outbox.(*sim.Outbox).Full = func(_ string, partition int32) bool {
			window := uint64(p.World.Elapsed() / (300 * time.Millisecond))
			return p.World.Elapsed() < fleetChaos && rand.New(rand.NewPCG(seed^window, uint64(partition))).IntN(3) == 0
		}
	}
}

// Where what is published waits for room, and payloads are read from the log when there
// is, every task ends as it ought to, and handlers get what was requested.
func TestSimFleetHeldBack(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(25, 3), func(seed uint64) sim.Story { return newFleet(seed, crowded(seed)) })
}
