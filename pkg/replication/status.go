package replication

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Status is how the links of a site stand, as its replicators have reported. What it holds
// must not be changed.
type Status struct {
	// Shares are those of links, one for each replicator, by link and replicator. A
	// replicator reports once a second (AtMs).
	Shares []*events.ReplicationLinkReported
	// Copies are by link, topic of the target and partition. Of two links that copy into
	// one partition each has its own.
	Copies []*events.ReplicationCopyReported
	// Duplicates are names that several replicators have at once, so that their reports
	// overwrite each other.
	Duplicates []Duplicate
}

// Duplicate is a name of several replicators.
type Duplicate struct {
	Replicator string
	// AtMs is when that was seen last.
	AtMs int64
}

// standing is the table of reports.
type standing struct {
	shares map[string]*events.ReplicationLinkReported
	copies map[string]*events.ReplicationCopyReported
	wrote  map[string][]string // the processes that wrote a share last, the newest last, by key
	twice  map[string]int64    // when a name was seen to be that of several
	moved  bool                // a copy was told of, or deleted
}

func newStanding(c *cluster.Cluster, prefix string) (*table, *standing) {
	s := &standing{
		shares: map[string]*events.ReplicationLinkReported{}, copies: map[string]*events.ReplicationCopyReported{},
		wrote: map[string][]string{}, twice: map[string]int64{},
	}
	topic := events.Topics{Prefix: cmp.Or(prefix, events.DefaultPrefix)}.ReplicationStatus()
	return &table{cluster: c, topic: topic, set: s.set, clear: func() { clear(s.shares); clear(s.copies); clear(s.wrote); s.moved = true }}, s
}

func (s *standing) set(key string, r *events.Record) {
	if r.Value == nil {
		delete(s.shares, key)
		s.moved = s.moved || s.copies[key] != nil
		delete(s.copies, key)
		return
	}
	m, err := events.Message(r)
	if err != nil {
		return // Of a newer replicator, perhaps; others are told of.
	}
	switch m := m.(type) {
	case *events.ReplicationLinkReported:
		s.shares[key] = m
		s.writes(key, m)
	case *events.ReplicationCopyReported:
		s.claims(key, m, r.Offset)
		s.copies[key], s.moved = m, true
	}
}

// claims says of a report that is a claim which one it is. One that is told again is what it was.
func (s *standing) claims(key string, m *events.ReplicationCopyReported, offset int64) {
	if m.Claim > 0 {
		return
	}
	m.Claim = offset + 1
	if before := s.copies[key]; before != nil && before.Topic == m.Topic {
		m.Claim = before.Claim
	}
}

// mostWriters of a share are remembered: so many replicators of one name are told of.
const mostWriters = 16

// writes notes which process has written a share. One that writes again behind others has not
// been replaced by them: all run.
func (s *standing) writes(key string, m *events.ReplicationLinkReported) {
	all := s.wrote[key]
	if m.Process == "" || len(all) > 0 && m.Process == all[len(all)-1] {
		return
	}
	if at := slices.Index(all, m.Process); at >= 0 {
		s.twice[m.Replicator] = max(s.twice[m.Replicator], m.AtMs)
		all = slices.Delete(all, at, at+1)
	}
	s.wrote[key] = append(all[max(0, len(all)-mostWriters+1):], m.Process)
}

func (s *standing) duplicates() (all []Duplicate) {
	for _, name := range slices.Sorted(maps.Keys(s.twice)) {
		all = append(all, Duplicate{name, s.twice[name]})
	}
	return all
}

func (s *standing) status() Status {
	return Status{
		Duplicates: s.duplicates(),
		Shares: slices.SortedFunc(maps.Values(s.shares), func(a, b *events.ReplicationLinkReported) int {
			return cmp.Or(strings.Compare(a.Link, b.Link), strings.Compare(a.Replicator, b.Replicator))
		}),
		Copies: slices.SortedFunc(maps.Values(s.copies), func(a, b *events.ReplicationCopyReported) int {
			return cmp.Or(strings.Compare(a.Link, b.Link), strings.Compare(a.TargetTopic, b.TargetTopic), cmp.Compare(a.Partition, b.Partition))
		}),
	}
}

// ReadStatus reads how links and copies stand now. It is empty if no replicator has run yet.
func ReadStatus(ctx context.Context, c *cluster.Cluster, prefix string) (Status, error) {
	t, s := newStanding(c, prefix)
	if _, _, err := t.read(ctx); err != nil {
		return Status{}, t.wrong(err)
	}
	return s.status(), nil
}

// WatchStatus calls see with how links and copies stand, at once and on each report, until
// see or ctx ends it, or something fails.
func WatchStatus(ctx context.Context, c *cluster.Cluster, prefix string, see func(Status) error) error {
	t, s := newStanding(c, prefix)
	return t.follow(ctx, func() error { return see(s.status()) })
}

// WatchCopies calls see with how copies stand, in no order, at once and whenever one is
// reported, until see or ctx ends it, or something fails. What it is given must not be changed,
// and counts until see returns.
func WatchCopies(ctx context.Context, c *cluster.Cluster, prefix string, see func(iter.Seq[*events.ReplicationCopyReported]) error) error {
	t, s := newStanding(c, prefix)
	s.moved = true
	return t.follow(ctx, func() error {
		if !s.moved {
			return nil
		}
		s.moved = false
		return see(maps.Values(s.copies))
	})
}
