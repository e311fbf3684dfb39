package e2e_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
)

// A build that skips the fence lets the same zombie write, and is found.
func TestAReplicatorWithoutTheFenceIsFound(t *testing.T) {
	t.Parallel()
	sites := twoOnKfake(t)
	w := newLinkWorld(t, sites, sites.addrs(), "unfenced", builtWith(t, "failpoints"), 1, "--unfenced")
	load := w.load(20 * time.Millisecond)
	w.zombie()
	load.stop()
	w.copied(1)
	w.unequal()
}

// zombie has a replicator stop itself with a batch in its hand, and lets it go on when
// another has copied all.
func (w *linkWorld) zombie() *process {
	w.t.Helper()
	p := w.replicator("zombie", failpoint.CopyAppending+":10:stop", "--log-level", "debug")
	p.log.await(w.t, "failpoint "+failpoint.CopyAppending, patience)
	w.replicator("lives", "").log.await(w.t, "running=1", patience)
	w.copied(1)
	cont(p)
	return p
}

// A build that goes on from the checkpoint alone copies again what was copied behind it,
// and is found.
func TestAReplicatorByTheCheckpointAloneIsFound(t *testing.T) {
	t.Parallel()
	sites := twoOnKfake(t)
	w := newLinkWorld(t, sites, sites.addrs(), "notail", builtWith(t, "failpoints,notail"), 1)
	load := w.load(20 * time.Millisecond)
	w.replicator("killed", failpoint.CopyAcknowledged+":20").log.await(t, "failpoint "+failpoint.CopyAcknowledged, patience)
	w.replicator("lives", "").log.await(t, "running=1", patience)
	load.stop()
	w.copied(1)
	w.unequal()
}
