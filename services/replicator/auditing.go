package replicator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/audit/compare"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// auditor audits all that this process copies, a little all the time: window by window of
// one copy after the other, no faster than its configuration says. It is for one goroutine.
type auditor struct {
	of        *Service
	following map[string]*following // by ID
}

// following is the audit of a copy.
type following struct {
	job
	*audit.Follower
	due time.Time
}

const (
	// auditEvery is how often a copy is looked at that has no further window.
	auditEvery = 10 * time.Second
	// auditTimeout bounds one look.
	auditTimeout = 10 * time.Second
	// auditLeast is between two looks, and auditIdle until it is seen whether one is due.
	auditLeast, auditIdle = 50 * time.Millisecond, 200 * time.Millisecond
)

// run audits until ctx ends.
func (a *auditor) run(ctx context.Context) {
	if a.of.cfg.Audit <= 0 {
		return
	}
	try := a.of.deps.Cluster.Kafka().Board().New("audit what is copied")
	defer try.End()
	wait := auditIdle
	for trouble.Pause(ctx, wait) {
		wait = auditIdle
		f := a.next(time.Now())
		if f == nil {
			continue
		}
		read, err := a.look(ctx, f)
		if err != nil && ctx.Err() == nil {
			try.Failed(err) // It is tried again when it is due.
			continue
		}
		try.Passed()
		wait = max(auditLeast, time.Duration(read)*time.Second/time.Duration(a.of.cfg.Audit))
	}
}

// next is the copy that is due for the longest time; nil if none is.
func (a *auditor) next(now time.Time) (next *following) {
	runs := a.of.status.auditable()
	for id := range a.following {
		if _, ok := runs[id]; !ok {
			delete(a.following, id)
		}
	}
	for id, j := range runs {
		f := a.following[id]
		if f == nil || !f.same(&j) {
			f = &following{job: j, Follower: a.follow(&j), due: now}
			a.following[id] = f
		}
		if !f.due.After(now) && (next == nil || f.due.Before(next.due)) {
			next = f
		}
	}
	return next
}

// look looks at the next window of a copy: so many records were read.
func (a *auditor) look(ctx context.Context, f *following) (read int64, err error) {
	f.due = time.Now().Add(a.of.auditEvery)
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	seen, err := f.Look(ctx)
	if err != nil {
		return seen.Read, err
	}
	if seen.Compared && seen.Behind > 0 {
		f.due = time.Now() // Behind those of others that are due.
	}
	a.of.status.audited(f.ID, &seen)
	return seen.Read, nil
}

// follow makes the Follower of a copy. What it compares with is of the link alone, and what the
// link said before of the checkpoint.
func (a *auditor) follow(j *job) *audit.Follower {
	c, id := &j.Config, j.ID
	cfg := compare.Config{
		Source: c.Source, Target: c.Target, Declaration: compare.Declaration{Relay: c.Relay, Routed: routing(c.Routed)}, Compacted: c.Compacted.Source || c.Compacted.Target, Tolerated: c.Tolerated,
	}
	if c.Shared {
		cfg.Tolerated = compare.Shared
	}
	declared := func(ctx context.Context) (d audit.Declared, err error) {
		saved, err := a.saved(ctx, id, c.Target)
		if saved == nil || err != nil {
			return d, err
		}
		d.Next, d.Generation = saved.Next, saved.Generation
		for _, one := range saved.Declared {
			d.All = append(d.All, compare.Declared{From: one.From, Unknown: one.Unknown, Relay: one.Relay, Routed: routing(one.Routed)})
		}
		return d, nil
	}
	return audit.Follow(audit.FollowConfig{Source: j.source.cluster, Target: a.of.deps.Cluster, Compare: cfg, Letters: a.of.topics.DeadLetters(), Declared: declared})
}

// saved is the checkpoint of a copy that counts; nil if there is none. One of another topic than
// the target is now, or that was claimed behind its end, says nothing of what stands there.
func (a *auditor) saved(ctx context.Context, id string, target events.ClusterPartition) (*mirror.Checkpoint, error) {
	here := a.of.deps.Cluster.Kafka()
	topic, err := here.TopicID(ctx, target.Topic, target.Partition)
	if err != nil {
		return nil, err
	}
	end, err := here.Written(ctx, target.Topic, target.Partition)
	if err != nil {
		return nil, err
	}
	return a.of.keep.SavedFor(ctx, id, func(c *mirror.Checkpoint) bool {
		return c.Claim <= end && (c.TargetID == "" || topic == "" || c.TargetID == topic)
	})
}

func routing(r *mirror.Routing) *compare.Routing {
	if r == nil {
		return nil
	}
	return &compare.Routing{Header: r.Header, Site: r.Site, Allowed: r.Allowed, Unrouted: r.Unrouted, UnknownGoOn: r.Unknown == mirror.GoOn}
}

// auditable are the copies of this process that have copied and whose source is not away.
func (s *status) auditable() map[string]job {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]job{}
	for id, st := range s.copies {
		if !st.report.Paused && st.report.Generation > 0 && !st.source.away() {
			all[id] = st.job
		}
	}
	return all
}

// audited notes what an audit has found.
func (s *status) audited(id string, seen *audit.Followed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.copies[id]
	if st == nil {
		return
	}
	st.unaudited = seen.Behind
	s.metrics.audited(st.Link, seen)
	if !seen.Compared {
		return
	}
	st.audited = seen.Target.End
	if seen.Equal() {
		return
	}
	if st.differs++; st.differs == 1 {
		st.different = describe(seen)
	}
}

// describe says what an audit has found wrong.
func describe(seen *audit.Followed) string {
	var found []string
	for kind, n := range seen.Wrong {
		if n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, compare.Kind(kind)))
		}
	}
	if seen.Shrunk {
		found = append(found, "the source ends before the newest copy")
	}
	text := strings.Join(found, ", ")
	if len(seen.First) == 0 {
		return text
	}
	first := seen.First[0]
	text += fmt.Sprintf("; the first is %s", first.Kind)
	if first.Source >= 0 {
		text += fmt.Sprintf(", at offset %d of the source", first.Source)
	}
	if first.Target >= 0 {
		text += fmt.Sprintf(", at offset %d of the target", first.Target)
	}
	return text
}

// differing is the problem of a copy that is no true one; ok is false if none was found.
func (st *standing) differing() (p selection.Problem, ok bool) {
	if st.differs == 0 {
		return p, false
	}
	return selection.Problem{
		Link: st.Link, Topic: st.Config.Source.Topic, Code: selection.CopyDiffers,
		Text: fmt.Sprintf("the audit found partition %d of %s different from its source, in %d windows: %s; \"spanway link audit %s --topic %s\" names all, and \"spanway link resume %s\" takes this message away",
			st.Config.Target.Partition, st.Config.Target.Topic, st.differs, st.different, st.Link, st.Config.Source.Topic, st.Link),
	}, true
}
