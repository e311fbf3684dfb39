package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
)

// linkKillsFlag: `make link-kills` asks for 100.
var linkKillsFlag = flag.Int("link-kills", 5, "how often replicators are killed at named points")

// linkWorlds are killed side by side: most of the time of a kill is waiting for the group
// to notice.
const linkWorlds = 5

// G10: replicators are killed at every step of their copies, again and again, while records
// flow and their topics grow from one partition to three. Each record stands in the target
// once, and in order.
func TestReplicatorsAreKilled(t *testing.T) {
	t.Parallel()
	killedReplicators(t, twoOnKfake)
}

// The same between two Apache Kafkas.
func TestApacheReplicatorsAreKilled(t *testing.T) { killedReplicators(t, twoOnApache) }

func killedReplicators(t *testing.T, two func(*testing.T) twoSites) {
	sites, fragile := two(t), builtWith(t, "failpoints")
	t.Cleanup(func() { t.Logf("%d kills in all", *linkKillsFlag) })
	t.Run("worlds", func(t *testing.T) {
		for i := range linkWorlds {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				replicatorsAreKilled(t, newLinkWorld(t, sites, sites.addrs(), fmt.Sprint("world", i), fragile, 1), i)
			})
		}
	})
}

func replicatorsAreKilled(t *testing.T, w *linkWorld, world int) {
	random := rand.New(rand.NewPCG(uint64(world), 11))
	load := w.load(20 * time.Millisecond)
	var points []string
	for k := world; k < *linkKillsFlag; k += linkWorlds {
		name, most := failpoint.Replicator[(world+k/linkWorlds)%len(failpoint.Replicator)], 16
		if name == failpoint.CopyCheckpointed { // One a second for each partition.
			most = 4
		}
		points = append(points, fmt.Sprintf("%s:%d", name, 1+random.IntN(most)))
	}
	for k, point := range points {
		if k == len(points)/2 {
			w.grow(3)
			load.partitions.Store(3)
		}
		p := w.replicator("killed", point)
		name, _, _ := strings.Cut(point, ":")
		select {
		case <-p.done:
			p.log.await(t, "failpoint "+name, patience)
		case <-time.After(patience):
			t.Fatalf("it never came to %s\n%s", point, p.log.tail(20))
		}
	}
	w.replicator("lives", "")
	load.stop()
	w.copied(1)
	w.equal(nil)
	t.Logf("%d kills at %v", len(points), points)
}
