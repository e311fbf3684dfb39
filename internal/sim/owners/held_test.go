package owners

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
)

// crowded lets partitions take nothing for a third of the time, each for a while, until
// the quiet time.
func crowded(seed uint64) sim.Mutant[struct{}] {
	return func(cfg *eventlog.OwnerConfig[struct{}], p *sim.Process) {
		cfg.Outbox.(*sim.Outbox).Full = func(_ string, partition int32) bool {
			window := uint64(p.World.Elapsed() / (150 * time.Millisecond))
			return p.World.Elapsed() < chaosTime && rand.New(rand.NewPCG(seed^window, uint64(partition))).IntN(3) == 0
		}
	}
}

// Where partitions have no room for a time, all that is published arrives, in its order.
func TestSimHeldBack(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(300, 30), func(seed uint64) sim.Story { return newOwners(seed, crowded(seed)) })
}
