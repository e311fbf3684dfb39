package allocator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// sighting is what a store holds of a space and the log does not: proposals that were not
// granted, and ranges that nothing accounts for.
type sighting struct {
	abandoned map[string]store.Range
	leaked    []store.Range
}

// reconcile compares what the store holds with the log, until ctx ends. What it has seen
// twice it returns.
func (s *Service) reconcile(ctx context.Context) {
	var all sync.WaitGroup
	for n, p := range s.partitions {
		all.Go(func() { p.lookAgain(ctx) })
		all.Go(func() {
			seen := map[string]sighting{}
			try := s.deps.Cluster.Kafka().Board().New(fmt.Sprintf("compare the store with %s/%d", s.topics.IDEvents(), n))
			defer try.End()
			for trouble.Pause(ctx, s.cfg.Reconcile) {
				if err := p.reconcile(ctx, seen); err != nil && ctx.Err() == nil {
					try.Failed(err)
					continue
				}
				try.Passed()
				p.idle()
			}
		})
	}
	all.Wait()
}

// reconcile compares once. seen is what it saw before.
func (p *partition) reconcile(ctx context.Context, seen map[string]sighting) error {
	var names []string
	err := p.host.Read(ctx, true, func(core sharedlog.Core, _ sharedlog.Position) {
		for s := range core.(*idspace.Core).Spaces() {
			names = append(names, s.Rules().Name)
		}
	})
	if err != nil {
		return err
	}
	for name := range seen {
		if !slices.Contains(names, name) {
			if err := p.store.Forget(ctx, name); err != nil {
				return err
			}
			delete(seen, name)
		}
	}
	for _, name := range names {
		now, err := p.compare(ctx, name, seen[name])
		if err != nil {
			return err
		}
		seen[name] = now
	}
	return nil
}

// compare compares one space, and returns what was seen before and still is.
func (p *partition) compare(ctx context.Context, name string, before sighting) (now sighting, err error) {
	held, err := p.store.Holds(ctx, name)
	if err != nil || !held.Known {
		return sighting{}, err
	}
	var settled []store.Grant
	err = p.host.Read(ctx, true, func(core sharedlog.Core, _ sharedlog.Position) {
		if s := core.(*idspace.Core).Space(name); s != nil {
			now, settled = sight(s, held)
		}
	})
	if err != nil {
		return sighting{}, err
	}
	gone, ranges := twice(before, now)
	if len(settled)+len(gone)+len(ranges) == 0 {
		return now, nil
	}
	return now, p.store.Return(ctx, name, append(settled, gone...), ranges)
}

// sight compares what is held with a space, at one moment. What was proposed and has
// been granted is settled.
func sight(s *idspace.Space, held store.State) (now sighting, settled []store.Grant) {
	now.abandoned = map[string]store.Range{}
	covered := slices.Clone(held.Free)
	for id, r := range held.Proposed {
		if _, granted := s.Grant(id); granted {
			settled = append(settled, store.Grant{RequestID: id, Range: r})
			continue
		}
		now.abandoned[id] = r
		covered = append(covered, r)
	}
	if len(held.Free) >= store.MaxFree/2 {
		return now, settled // There is enough to propose.
	}
	open := free(s)
	if held.Next > s.Next() {
		open = append(open, store.Range{From: s.Next(), To: min(held.Next-1, s.Rules().To)})
	}
	now.leaked = store.Without(open, covered)
	return now, settled
}

// twice is what both sightings have.
func twice(before, now sighting) (gone []store.Grant, ranges []store.Range) {
	for id, r := range now.abandoned {
		if was, ok := before.abandoned[id]; ok && was == r {
			gone = append(gone, store.Grant{RequestID: id, Range: r})
			ranges = append(ranges, r)
		}
	}
	return gone, append(ranges, store.Both(before.leaked, now.leaked)...)
}

// awayPause is how long a store that failed is left alone.
const awayPause = time.Second

// lookAgain looks at the store after it has failed, until it answers: then nothing is in
// the way any more, also if nobody asks for a range.
func (g *granter) lookAgain(ctx context.Context) {
	for {
		select {
		case <-g.failed:
		case <-ctx.Done():
			return
		}
		for trouble.Pause(ctx, awayPause*3/4+rand.N(awayPause/2)) {
			if g.reachable(ctx) {
				g.idle()
				break
			}
		}
	}
}

// reachable tells whether the store can be read, by any space; without one it is not known
// to be away.
func (g *granter) reachable(ctx context.Context) bool {
	g.mu.Lock()
	name := ""
	for name = range g.spaces {
		break
	}
	g.mu.Unlock()
	if name == "" {
		return true
	}
	_, err := g.store.Holds(ctx, name)
	return err == nil
}
