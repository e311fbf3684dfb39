package replicator

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/selection"
)

// scout looks for the first record that counts in topics that replicators have made at sources
// (selection.Selection.Awaited). Replicators share that work as they share the copies. It is
// safe for concurrent use.
type scout struct {
	of *Service

	mu     sync.Mutex
	sought map[string]*sought // by the ID of the copy
	found  map[selection.Hold]bool
}

// sought is a partition that is looked through.
type sought struct {
	job
	next int64 // below it nothing counts
}

const (
	// scoutEvery is how often sources are asked whether there is more to look through.
	scoutEvery = 500 * time.Millisecond
	// scoutTimeout bounds a round: the next one goes on.
	scoutTimeout = 3 * time.Second
	// scoutBytes bounds a page that is looked through.
	scoutBytes = 1 << 20
)

func newScout(of *Service) *scout {
	return &scout{of: of, sought: map[string]*sought{}, found: map[selection.Hold]bool{}}
}

// want says which copies of this process have no target yet. What was looked through of those
// that stay is not looked through again.
func (s *scout) want(awaited map[string]job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range awaited {
		if is := s.sought[id]; is == nil || is.source != j.source || !reflect.DeepEqual(is.Config, j.Config) {
			s.sought[id] = &sought{job: j}
		}
	}
	maps.DeleteFunc(s.sought, func(id string, _ *sought) bool { _, wanted := awaited[id]; return !wanted })
}

// counting are the topics of which a record that counts was found by this process.
func (s *scout) counting() map[selection.Hold]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.found)
}

// run looks until ctx ends.
func (s *scout) run(ctx context.Context) {
	try := s.of.deps.Cluster.Kafka().Board().New("look for records to copy among copies")
	defer try.End()
	for trouble.Pause(ctx, scoutEvery) {
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			try.Failed(err) // The next round tries again.
			continue
		}
		try.Passed()
	}
}

// round looks through what is new at all sources. One that does not answer holds no other up.
func (s *scout) round(ctx context.Context) (failed error) {
	ctx, cancel := context.WithTimeout(ctx, scoutTimeout)
	defer cancel()
	of := map[*view][]*sought{}
	s.mu.Lock()
	for _, id := range slices.Sorted(maps.Keys(s.sought)) {
		if is := s.sought[id]; is.source != nil && !is.source.away() {
			of[is.source] = append(of[is.source], is)
		}
	}
	s.mu.Unlock()
	var all sync.WaitGroup
	var mu sync.Mutex
	for v, sought := range of {
		all.Go(func() {
			if err := s.look(ctx, v, sought); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	all.Wait()
	return failed
}

// look looks through what is new in partitions of a source, a page of each in turn, until
// there is nothing new or its time is over.
func (s *scout) look(ctx context.Context, v *view, all []*sought) error {
	of := map[string][]int32{}
	for _, is := range all {
		if at := is.Config.Source; !slices.Contains(of[at.Topic], at.Partition) { // Two links may await one topic.
			of[at.Topic] = append(of[at.Topic], at.Partition)
		}
	}
	ends, failed := v.cluster.Kafka().Ends(ctx, of)
	for len(all) > 0 && ctx.Err() == nil {
		all = slices.DeleteFunc(all, func(is *sought) bool {
			at := is.Config.Source
			end, told := ends[at.Topic][at.Partition]
			if !told || s.has(is.hold()) {
				return true
			}
			if end < is.next { // It was created again.
				is.next = 0
			}
			if end == is.next {
				return true
			}
			before := is.next
			counts, err := is.page(ctx, v)
			if err != nil {
				failed = err
			}
			if counts {
				s.finds(is.hold())
			}
			return counts || is.next == before // Such as where a transaction is open.
		})
	}
	return failed
}

// page looks through a page: true if a record in it counts.
func (is *sought) page(ctx context.Context, v *view) (counts bool, err error) {
	at := is.Config.Source
	page, err := v.cluster.Kafka().Partition(at.Topic, at.Partition).AtMost(scoutBytes).Fetch(ctx, is.next, 0)
	if start, _, outside := eventlog.OutOfRange(err); outside {
		is.next = start
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is.next = page.Next
	return slices.ContainsFunc(page.Records, func(r events.Record) bool { return !is.Config.PassesOver(&r) }), nil
}

func (s *scout) has(hold selection.Hold) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found[hold]
}

// finds notes that a topic has a record that counts, and has its target made.
func (s *scout) finds(hold selection.Hold) {
	s.mu.Lock()
	s.found[hold] = true
	s.mu.Unlock()
	s.of.poke()
}
