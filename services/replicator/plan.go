package replicator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// declared is what the site's links say, and which part of the work is this process's. It
// is safe for concurrent use.
type declared struct {
	mu       sync.Mutex
	linked   []links.Link
	groups   []links.Group
	known    bool // links and groups are
	assigned map[int32]bool
	orphaned time.Time // when the generation ended by which partitions are assigned; zero while it lasts
}

func (d *declared) declare(all []links.Link, groups []links.Group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.linked, d.groups, d.known = all, groups, true
}

// assign says which partitions are this process's, in a generation that begins.
func (d *declared) assign(partitions []int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.assigned, d.orphaned = map[int32]bool{}, time.Time{}
	for _, p := range partitions {
		d.assigned[p] = true
	}
}

// orphan says that the generation has ended.
func (d *declared) orphan(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orphaned = now
}

// grace is how long copies go on when the group forms anew. It is longer than the group
// waits for a member: after that others have them.
const grace = 15 * time.Second

// get is all of it, at a time. Nothing is assigned, which is nil, before the first generation.
func (d *declared) get(now time.Time) (all []links.Link, groups []links.Group, assigned map[int32]bool, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.orphaned.IsZero() && now.Sub(d.orphaned) > grace {
		d.assigned = map[int32]bool{} // Others have them: it runs none, and tells of none.
	}
	return d.linked, d.groups, d.assigned, d.known
}

// poke has all planned anew, soon.
func (s *Service) poke() {
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// plan keeps what runs as it is wanted, until ctx ends.
func (s *Service) plan(ctx context.Context) {
	defer s.copies.stop()
	defer s.changes.wait()
	tick := time.NewTicker(planEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.poked:
		case <-tick.C: // A change that failed may be due, or the group's grace over.
		case <-ctx.Done():
			return
		}
		s.planOnce(ctx)
	}
}

const planEvery = time.Second

// planOnce selects, and has done what is new.
func (s *Service) planOnce(ctx context.Context) {
	began := time.Now()
	defer func() { s.planned.Store(began.UnixNano()) }()
	all, groups, assigned, known := s.declared.get(time.Now())
	if !known || assigned == nil {
		return // It has none yet.
	}
	in := s.input(ctx, all, groups)
	if in.Site.Cluster == "" || in.Held == nil {
		return // The site's own cluster is not known yet, or not which link has which topic.
	}
	s.retry(all)
	s.admitting.share(len(assigned))
	chosen, target := selection.Chosen(in)
	for name, v := range s.sources {
		v.want(chosen[name])
	}
	s.target.want(target)
	selected := selection.Select(in, s.selected)
	s.selected = selected
	s.changes.make(ctx, s.status.rightful(selected.Changes))
	run, rest := s.share(selected.Copies, all, assigned)
	awaited, _ := s.share(selected.Awaited, all, assigned)
	s.scout.want(awaited)
	s.limit(all, selected, run)
	may, run := claimed(run, in.Held)
	_, rest = claimed(rest, in.Held)
	// Before any of them begins: one that is idle tells once how it stands, and that may be at once.
	s.status.wanted(all, run, rest, trials{slices.Concat(selected.Problems, s.changes.problems()), connecting(in)}, selected, newPast(in, assigned))
	started, stopped := s.copies.set(ctx, may)
	if started+stopped > 0 {
		s.log.Info("the copies of this process have changed", "started", started, "stopped", stopped, "running", len(may), "of_the_site", len(selected.Copies))
	}
}

// input is what there is to select from.
func (s *Service) input(ctx context.Context, all []links.Link, groups []links.Group) selection.Input {
	in := selection.Input{
		Site:  selection.Site{Name: s.cfg.Site, Prefix: s.cfg.Prefix},
		Links: all, Groups: groups, Sources: map[string]selection.Source{}, Held: s.holding.get(time.Now()), Counting: s.scout.counting(),
	}
	in.Site.Cluster, in.Target = s.target.known()
	for i := range all {
		name := all[i].Source
		if v := s.source(ctx, name); v != nil {
			in.Sources[name] = v.source()
		}
	}
	return in
}

// connecting are the links whose source has not answered yet, and may do so soon.
func connecting(in selection.Input) map[string]bool {
	names := map[string]bool{}
	for i := range in.Links {
		l := &in.Links[i]
		if of, known := in.Sources[l.Source]; known && of.Cluster == "" && of.Trouble == "" {
			names[l.Name] = true
		}
	}
	return names
}

// source is the view of a source, which begins when a link first names it; nil if the
// configuration has no such cluster.
func (s *Service) source(ctx context.Context, name string) *view {
	c := s.deps.Sources[name]
	if v := s.sources[name]; v != nil || c == nil {
		return v
	}
	v := newView(name, c, &s.cfg, s.poke)
	v.asks, v.misread = true, func(b replication.BadAnnouncement) { s.misread(name, b) }
	s.sources[name] = v
	s.beside.Go(func() { v.run(ctx) })
	s.beside.Go(func() { s.deps.Links.Applications(ctx, c, v.announced) })
	return v
}

// misread tells of a record that announces nothing.
func (s *Service) misread(source string, b replication.BadAnnouncement) {
	s.metrics.announcements.Add(context.Background(), 1, metric.WithAttributes(attribute.String("source", source)))
	s.log.Warn("a record announces no application: who has written it is to mend that", "source", source,
		"record", fmt.Sprintf("%s/0@%d", s.topics.ReplicationApplications(), b.Offset), "key", b.Key, "error", b.Why)
}

// share are the copies that are this process's: those to run, and those that are paused.
func (s *Service) share(copies []selection.Copy, all []links.Link, assigned map[int32]bool) (run, rest map[string]job) {
	run, rest = map[string]job{}, map[string]job{}
	by := map[string]*links.Link{}
	for i := range all {
		by[all[i].Name] = &all[i]
	}
	for _, c := range copies {
		if !assigned[events.CopyPartition(c.ID)] {
			continue
		}
		j := job{Copy: c, source: s.sources[by[c.Link].Source]}
		if c.Paused {
			rest[c.ID] = j
		} else {
			run[c.ID] = j
		}
	}
	return run, rest
}

// limit sets the limits of links: this process has as much of each as it has of the link's
// copies, so that all processes together keep to it.
func (s *Service) limit(all []links.Link, selected *selection.Selection, run map[string]job) {
	of, here := map[string]int64{}, map[string]int64{}
	for i := range selected.Copies {
		if c := &selected.Copies[i]; !c.Paused {
			of[c.Link]++
		}
	}
	for _, j := range run {
		here[j.Link]++
	}
	for i := range all {
		l := &all[i]
		s.copies.limit(l.Name, part(l.BytesPerSecond, here[l.Name], of[l.Name]), part(l.RecordsPerSecond, here[l.Name], of[l.Name]))
	}
}

// part is what falls to some of all, at least 1 of a limit that there is.
func part(limit, some, all int64) int64 {
	if limit <= 0 || some >= all {
		return limit
	}
	return max(1, int64(float64(limit)*float64(some)/float64(all)))
}

var errLinksEnded = errors.New("what is declared is not told any more")
