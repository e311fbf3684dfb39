package audit

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// letters are the dead letters of a topic: the offsets by partition.
type letters map[int32]map[int64]bool

// readLetters reads the dead letters of a source in a topic of the target cluster.
func readLetters(ctx context.Context, c *cluster.Cluster, topic, sourceCluster, sourceTopic string) (letters, error) {
	from := kept{c, topic, 0, c.Partition(topic, 0)}
	all, err := from.Range(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the dead letters: %w", err)
	}
	found := letters{}
	for at := all.Start; at < all.End; {
		page, err := read(ctx, from, at)
		if err != nil {
			return nil, fmt.Errorf("read the dead letters: %w", err)
		}
		for i := range page.Records {
			found.add(&page.Records[i], sourceCluster+"/"+sourceTopic)
		}
		at = page.Next
	}
	return found, nil
}

// add takes a letter of a source: others are of other sources and services.
func (l letters) add(r *events.Record, source string) {
	_, m, err := events.DecodeTrusted(r)
	letter, ok := m.(*events.DeadLetter)
	if err != nil || !ok || letter.GetSource().GetTopic() != source {
		return
	}
	of := letter.GetSource()
	if l[of.GetPartition()] == nil {
		l[of.GetPartition()] = map[int64]bool{}
	}
	l[of.GetPartition()][of.GetOffset()] = true
}
