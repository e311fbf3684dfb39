package replicator

import (
	"context"
	"testing"

	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// A copy that was claimed before begins in the first plan of a replicator, and may tell how it
// stands at once; then, as it is idle, never again. That counts, also on a busy machine.
func TestACopyThatTellsAtOnceIsHeard(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 3)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Model: links.Topic, Include: []string{"orders"}})
	key := copyKey("in", "orders", 0)
	inDelta := func(st *standing) bool { return st.report.State == mirror.Delta }
	s, stop := fra.serve("one")
	until(t, s, key, "it is in delta", inDelta)
	stop()

	fra.before = func(s *Service) {
		s.copies.begin = func(j job, _ *copying.Limiter) copier {
			s.status.reported(j.ID, copying.Report{State: mirror.Delta})
			return silent{}
		}
	}
	s, _ = fra.serve("one")
	until(t, s, key, "it is in delta", inDelta)
}

// silent is a copier that says nothing more.
type silent struct{}

func (silent) Run(ctx context.Context) { <-ctx.Done() }
