package selection

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// Selection is what a site wants.
type Selection struct {
	// Copies are by ID.
	Copies []Copy
	// Changes are by topic. After they are made a further selection has copies of what
	// they made.
	Changes []Change
	// Awaited are copies whose target is not made before a record was seen that they copy
	// (Input.Counting), by ID.
	Awaited  []Copy
	Problems []Problem

	holders map[string][]claim // by target topic
}

// Copy is the work on one target partition.
type Copy struct {
	// ID is that of the copy in checkpoints.
	ID string
	// Link is the name of its link.
	Link string
	// Paused says that it is not to run.
	Paused bool
	// Resumed rises when an operator says that the copy is to be tried again, if it has
	// stopped.
	Resumed int64
	// Trims says that what the source deletes is deleted from the target, too.
	Trims bool
	// Unfenced says that its link takes a target whose cluster does not fence earlier
	// writers.
	Unfenced bool
	Config   mirror.Config
}

// claim is a topic of a source that a link copies.
type claim struct{ link, source, topic string }

// selecting is a selection that is being made.
type selecting struct {
	in     Input
	before map[string][]claim
	own    map[string]bool
	target map[string]*Topic
	wanted map[string]*Change
	out    *Selection
}

// Select tells what is wanted, given what was selected before; nil if nothing was. Equal
// inputs give equal selections. What was selected before matters only for target topics that
// no choice is told to hold (Input.Held).
func Select(in Input, before *Selection) *Selection {
	s := newSelecting(in, before)
	chosen := s.chosen()
	for _, c := range s.inOrder(append(chosen, s.unseen(chosen)...)) {
		if s.take(&c) && !c.unseen {
			s.make(&c)
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(s.wanted)) {
		if change, needed := s.wanted[topic].on(s.target[topic]); needed {
			s.out.Changes = append(s.out.Changes, change)
		}
	}
	for _, all := range [][]Copy{s.out.Copies, s.out.Awaited} {
		slices.SortFunc(all, func(a, b Copy) int { return strings.Compare(a.ID, b.ID) })
	}
	s.tellAwaited()
	sortProblems(s.out.Problems)
	return s.out
}

func newSelecting(in Input, before *Selection) *selecting {
	s := &selecting{
		in: in, own: ownLogs(in.Site.Prefix), target: map[string]*Topic{}, wanted: map[string]*Change{},
		out: &Selection{holders: map[string][]claim{}},
	}
	if before != nil {
		s.before = before.holders
	}
	for i := range in.Target {
		s.target[in.Target[i].Name] = &in.Target[i]
	}
	return s
}

// chosen are the topics that all links choose, those of older links first.
func (s *selecting) chosen() (all []choice) {
	sorted := slices.SortedFunc(slices.Values(s.in.Links), func(a, b links.Link) int { return byAge(&a, &b) })
	for i := range sorted {
		all = append(all, s.choose(&sorted[i])...)
	}
	return all
}

func (s *selecting) link(name string) *links.Link {
	if i := slices.IndexFunc(s.in.Links, named(name)); i >= 0 {
		return &s.in.Links[i]
	}
	return unknown(name)
}

// named tells whether a link has a name.
func named(name string) func(links.Link) bool {
	return func(l links.Link) bool { return l.Name == name }
}

// make adds the copies of a topic, and what its target needs.
func (s *selecting) make(c *choice) {
	t := s.target[c.target]
	if c.topic.Settings == nil || t != nil && t.Settings == nil {
		return
	}
	if t == nil && c.topic.Copied && !s.in.Counting[c.hold()] {
		s.await(c)
		return
	}
	if !c.link.Paused {
		s.want(c)
	}
	if t == nil {
		return
	}
	if t.Partitions > c.topic.Partitions && !c.link.Shared {
		s.problem(c.link, c.topic.Name, MorePartitions, false,
			"the target topic %s has %d partitions and the source %d, so that keys go to other partitions after a fail-over; grow the source", c.target, t.Partitions, c.topic.Partitions)
	}
	for p := range min(c.topic.Partitions, t.Partitions) {
		s.out.Copies = append(s.out.Copies, s.copy(c, t, p))
	}
}

func (s *selecting) copy(c *choice, t *Topic, p int32) Copy {
	l := c.link
	cfg := mirror.Config{
		Source: events.ClusterPartition{Cluster: c.source, Topic: c.topic.Name, Partition: p},
		Target: events.ClusterPartition{Cluster: s.in.Site.Cluster, Topic: c.target, Partition: p},
		Shared: l.Shared, Relay: l.Relay, Routed: c.routed, On: policies(&l.On),
		MaxRecord: maxRecord(t),
		Compacted: mirror.Compaction{Source: compacted(&c.topic), Target: compacted(t)},
	}
	if cfg.Compacted.Source {
		cfg.Compacted.Tombstones = tombstones(&c.topic)
	}
	out := Copy{ID: CopyID(cfg), Link: l.Name, Paused: l.Paused, Trims: !itsOwn(l) && deletes(t), Unfenced: l.Unfenced}
	for _, r := range l.Resumed {
		if (r.Topic == "" || r.Topic == c.topic.Name) && (r.Partition < 0 || r.Partition == p) {
			out.Resumed = max(out.Resumed, r.Revision)
			cfg.Tolerated = max(cfg.Tolerated, r.Tolerate)
			if r.Generation > cfg.Begin.Generation {
				cfg.Begin = mirror.Begin{Generation: r.Generation, From: r.From}
			}
		}
	}
	out.Config = cfg
	return out
}

func policies(on *links.Policies) mirror.Policies {
	return mirror.Policies{Recreated: policy(on.Recreated), Overtaken: policy(on.Overtaken), Uncopyable: policy(on.Uncopyable)}
}

func policy(p links.Policy) mirror.Policy {
	if p == links.GoOn {
		return mirror.GoOn
	}
	return mirror.Stop
}

// CopyID is the name of a copy in checkpoints and reports.
func CopyID(cfg mirror.Config) string {
	return fmt.Sprintf("%s/%s/%d/%s", cfg.Source.Cluster, cfg.Source.Topic, cfg.Source.Partition, cfg.Target.Topic)
}

// maxRecord is the size of the largest record that a topic takes; 0 if it is not known.
func maxRecord(t *Topic) int {
	n, err := strconv.Atoi(t.Settings[maxMessageBytes])
	if err != nil {
		return 0
	}
	return max(n-batchBytes, 1)
}

// batchBytes is what a batch has besides its records.
const batchBytes = 61

// tombstones is how long they live in a topic: not less than what matters for copies, which
// look at their source all the time.
func tombstones(t *Topic) time.Duration {
	const usual, least = 24 * time.Hour, time.Minute
	ms, err := strconv.ParseInt(t.Settings[deleteRetention], 10, 64)
	if err != nil {
		return usual
	}
	return max(least, time.Duration(min(ms, int64(maxLife/time.Millisecond)))*time.Millisecond)
}

// maxLife is longer than anything is away.
const maxLife = 10 * 365 * 24 * time.Hour

func compacted(t *Topic) bool { return slices.Contains(cleanup(t), "compact") }

// deletes tells whether a topic's records may be deleted other than by compaction.
func deletes(t *Topic) bool { return !compacted(t) || slices.Contains(cleanup(t), "delete") }

func cleanup(t *Topic) []string {
	return strings.Split(strings.ReplaceAll(t.Settings[cleanupPolicy], " ", ""), ",")
}
