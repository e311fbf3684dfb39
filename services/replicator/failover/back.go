package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// backTells is how long the replicators of the other site have to tell of the link back.
const backTells = 20 * time.Second

// newer is how many reports of a replicator must have come behind those that were there: the first
// of them may have been on its way while it did not know of the link back yet, and may be of a link
// of that name before.
const newer = 2

// heard is how a replicator has told of the link back.
type heard struct {
	at    int64
	newer int
}

// lookBack looks whether the link back is one that its replicators can copy by. What they say is
// part of the report; that the direction is turned round stays so.
func (r *run) lookBack(ctx context.Context) error {
	if r.DryRun || r.link.Shared {
		return nil
	}
	r.tell(LookBack, "a replicator of site %s is to tell of the link back", r.there.Name)
	waiting, cancel := context.WithTimeout(ctx, backTells)
	defer cancel()
	var failed *events.ReplicationLinkReported
	all, began := map[string]heard{}, false
	err := replication.WatchStatus(waiting, r.there.Cluster, r.Prefix, func(s replication.Status) error {
		told := false
		for _, m := range s.Shares {
			of := all[m.Replicator]
			if m.Link != r.Back || m.AtMs == of.at {
				continue
			}
			if of.at = m.AtMs; began {
				of.newer++
			}
			if all[m.Replicator] = of; of.newer < newer || m.State == "paused" {
				continue
			}
			if told = true; m.State == "failed" {
				failed = m
			}
		}
		if began = true; told {
			return errRead
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed != nil:
		return r.fail(BackFails, nil, nil, "it is failed over, and site %s is written to; but link %s of site %s does not copy from here: %s. Mend that there, and make the command again", r.Here.Name, r.Back, r.there.Name, problemOf(failed))
	case errors.Is(err, errRead):
	case waiting.Err() == nil:
		r.BackTrouble = fmt.Sprintf("what the replicators of site %s tell cannot be read: %v", r.there.Name, err)
	default:
		r.BackTrouble = fmt.Sprintf("no replicator of site %s has told of it within %s", r.there.Name, backTells)
	}
	return nil
}

// problemOf is why a link is failed.
func problemOf(m *events.ReplicationLinkReported) string {
	for _, p := range m.Problems {
		if p.Code == m.Reason {
			return p.Code + ": " + p.Text
		}
	}
	return m.Reason
}
