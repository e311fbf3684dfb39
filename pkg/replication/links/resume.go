package links

import (
	"cmp"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// perRestart is how much higher the generation of a restart is than that of the one
	// before: a copy counts up by one when its source was created again.
	perRestart = 1 << 16
	// maxRestarts is how many there are generations for.
	maxRestarts = 1<<16 - 1
	// every is the partition of a Resumption of all of them.
	every = -1
)

func (c *Core) resume(m *events.ReplicationLinkResumed, at int64) events.Code {
	l, ok := c.links[m.Link]
	switch {
	case !ok:
		return events.CodeUnknownLink
	case !resumable(m):
		return events.CodeBadData
	case m.Topic == "" && l.FailedOver && !m.FailOver:
		return events.CodeLinkFailedOver
	case m.Restart && c.restarts >= maxRestarts:
		return events.CodeBadCount
	}
	r := Resumption{Topic: m.Topic, Tolerate: m.AcceptForeignBelow, Revision: at}
	if m.Restart {
		r.Generation, r.From = uint32((c.restarts+1)*perRestart), m.FromOffset
	}
	partitions := m.Partitions
	if len(partitions) == 0 {
		partitions = []int32{every}
	}
	resumed := slices.Clone(l.Resumed)
	for _, r.Partition = range partitions {
		i, there := slices.BinarySearchFunc(resumed, r, byPartition)
		if !there {
			resumed = slices.Insert(resumed, i, r)
			continue
		}
		resumed[i] = resumed[i].and(r)
	}
	if len(resumed) > MaxResumed {
		return events.CodeBadCount
	}
	if l.Resumed, l.Revision = resumed, at; m.Topic == "" {
		l.Paused, l.Reason, l.FailedOver, l.NoLinkBack = false, "", false, false
	}
	if m.Restart {
		c.restarts++
	}
	c.links[m.Link] = l
	return ""
}

// resumable tells whether a call makes sense.
func resumable(m *events.ReplicationLinkResumed) bool {
	return len(m.Topic) <= maxTopicBytes && events.CheckOptionalID("", m.Topic) == nil &&
		(m.Topic != "" || len(m.Partitions) == 0) && len(m.Partitions) <= MaxTopics &&
		!slices.ContainsFunc(m.Partitions, func(p int32) bool { return p < 0 }) &&
		m.FromOffset >= 0 && (m.Restart || m.FromOffset == 0) && m.AcceptForeignBelow >= 0
}

func byPartition(a, b Resumption) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// and is what is said after a later resumption.
func (r Resumption) and(later Resumption) Resumption {
	if later.Generation > 0 {
		r.Generation, r.From = later.Generation, later.From
	}
	r.Tolerate, r.Revision = max(r.Tolerate, later.Tolerate), later.Revision
	return r
}

// of tells whether a resumption is of a partition of a topic.
func (r *Resumption) of(topic string, partition int32) bool {
	return (r.Topic == "" || r.Topic == topic) && (r.Partition == every || r.Partition == partition)
}

// Tolerated is the offset in the copy of a partition below which records of others are no
// reason to stop.
func (l *Link) Tolerated(topic string, partition int32) (below int64) {
	for i := range l.Resumed {
		if r := &l.Resumed[i]; r.of(topic, partition) {
			below = max(below, r.Tolerate)
		}
	}
	return below
}

// Tolerates tells whether records of others are tolerated in any partition of a topic's copy.
func (l *Link) Tolerates(topic string) bool {
	return slices.ContainsFunc(l.Resumed, func(r Resumption) bool { return r.Tolerate > 0 && (r.Topic == "" || r.Topic == topic) })
}
