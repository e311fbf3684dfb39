package replicator

import (
	"context"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/replication"
)

// doublesAfter is how long after the copies were shared out it is looked whether another
// replicator has this one's name, which must be news: one that was replaced has ended by then.
const doublesAfter = 5 * statusEvery

// doubles warns if another replicator of the site has the name of this one. A further one
// joins the group, so that it is enough to look when the copies are shared out.
func (s *Service) doubles(ctx context.Context) {
	began := time.Now().UnixMilli()
	if !trouble.Pause(ctx, doublesAfter) {
		return
	}
	was, err := replication.ReadStatus(ctx, s.deps.Cluster, s.cfg.Prefix)
	if err != nil {
		return // Whoever looks at the status sees it, too.
	}
	for _, d := range was.Duplicates {
		if d.Replicator == s.cfg.Instance && d.AtMs > began {
			s.log.Warn("another replicator of the site has the name of this one: records are copied once all the same, but what they report overwrites each other; give each a name of its own (--instance)",
				"code", "duplicate_instance", "instance", s.cfg.Instance)
		}
	}
}
