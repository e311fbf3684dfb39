package failover

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/audit"
)

// leadsBack looks for the link of the other site that leads back.
func (r *run) leadsBack(ctx context.Context) error {
	state, err := r.there.Links.State(ctx, true)
	if err != nil {
		return err
	}
	r.Back = r.link.Name
	if l, found := state.Link(r.Back); found {
		r.back = &l
	}
	return nil
}

// checkBack refuses what stands at the other site and is no link back.
func (r *run) checkBack() error {
	switch b := r.back; {
	case r.link.Shared && (b == nil || !b.Shared || b.Source != r.Here.Name):
		return r.fail(NotReversible, nil, nil, "it is shared, and site %s has no shared link %s that copies from %s: declare that one there first", r.there.Name, r.Back, r.Here.Name)
	case b == nil:
		return nil
	case b.Source != r.Here.Name:
		return r.fail(NameTaken, nil, nil, "site %s has a link of this name that copies from %s, not from %s; if that is what its replicators call this cluster, say so by --as; or else delete it there (spanway link delete %s), or declare this link under another name", r.there.Name, b.Source, r.Here.Name, b.Name)
	case r.link.FailedOver && b.FailedOver && b.FailOvers > r.link.FailOvers:
		return r.fail(TurnedSince, nil, nil, "the link of site %s was failed over later: make the command there again", r.there.Name)
	case b.Paused && !b.FailedOver && !r.link.FailedOver:
		return r.fail(LinkPaused, nil, nil, "the link of site %s is paused by an operator; resume it there first", r.there.Name)
	case b.Prefix != "":
		return r.fail(NotReversible, nil, nil, "the link of site %s gives its copies the prefix %s", r.there.Name, b.Prefix)
	}
	return nil
}

// pair is a topic and its copy.
func (r *run) pair(ctx context.Context, p *Partition) (*audit.Pair, error) {
	if r.pairs[p.Topic] == nil {
		c := r.Config.Audit(&r.link, p.Topic, p.Target)
		c.Source, c.Target, c.Whole = r.there.Cluster, r.Here.Cluster, true
		pair, err := audit.Open(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", p.Topic, err)
		}
		r.pairs[p.Topic] = pair
	}
	return r.pairs[p.Topic], nil
}

// audit compares both sides.
func (r *run) audit(ctx context.Context) error {
	var wrong []string
	for i := range r.Partitions {
		p := &r.Partitions[i]
		pair, err := r.pair(ctx, p)
		if err != nil {
			return err
		}
		found, err := pair.Partition(ctx, p.Partition)
		if err != nil {
			return err
		}
		if p.Same, p.Compared = found.Same, true; !found.Equal() {
			wrong = append(wrong, fmt.Sprintf("%s is equal below %d", p.at(), found.EqualTo))
		}
		r.tell(Audit, "partitions compared: %d of %d", i+1, len(r.Partitions))
	}
	if len(wrong) > 0 {
		return r.fail(CopyDiffers, nil, wrong, "the copies differ from the source (spanway link audit %s --whole says where)", r.link.Name)
	}
	return nil
}

// groups carries the offsets of consumer groups over.
func (r *run) groups(ctx context.Context) error {
	r.Report.Groups = nil
	for i := range r.Partitions {
		p := &r.Partitions[i]
		if i > 0 && r.Partitions[i-1].Topic == p.Topic {
			continue
		}
		pair, err := r.pair(ctx, p)
		if err != nil {
			return err
		}
		names, err := pair.Groups(ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := r.carry(ctx, pair, p.Topic, name); err != nil {
				return fmt.Errorf("carry group %s over: %w", name, err)
			}
		}
	}
	return nil
}

// carry carries a group over. It never goes backwards, and one that has members here is
// left alone.
func (r *run) carry(ctx context.Context, pair *audit.Pair, topic, name string) error {
	g, err := pair.TranslateGroup(ctx, name)
	if err != nil {
		return err
	}
	commits := g.TargetMembers == 0 && !r.DryRun
	if commits {
		var used *kafka.GroupInUse
		if _, err := pair.CommitGroup(ctx, g, false); errors.As(err, &used) {
			g.TargetMembers, commits = max(1, g.TargetMembers), false
		} else if err != nil {
			return err
		}
	}
	for _, at := range g.Positions {
		r.Report.Groups = append(r.Report.Groups, Group{
			Name: name, Topic: topic, SourceMembers: g.SourceMembers, TargetMembers: g.TargetMembers, Position: at,
			Committed: commits && at.Had != at.Target && !at.Backwards(),
		})
	}
	return nil
}

// declareBack declares the link back and holds it, or takes that of an earlier fail-over,
// which is paused. What stands below the recorded ends is not taken for that of a foreign
// writer.
func (r *run) declareBack(ctx context.Context) error {
	if err := r.checkBack(); err != nil || r.DryRun || r.link.Shared {
		return err
	}
	if !r.link.FailedOver {
		r.Number = 1 + r.link.FailOvers
		if r.back != nil {
			r.Number = max(r.Number, 1+r.back.FailOvers)
		}
	}
	spec, changed := r.specBack()
	if r.back == nil {
		safe := spec
		safe.Shared = true // Until it is held back it must change no settings.
		if err := r.apply(ctx, safe); err != nil {
			return err
		}
	}
	if !r.back.FailedOver {
		why := fmt.Sprintf("held back: link %s of %s is failed over", r.link.Name, r.Here.Name)
		if err := r.there.Links.FailOver(ctx, r.Back, replication.FailOver{Number: max(1, r.Number-1), Reason: why}); err != nil {
			return fmt.Errorf("site %s: %w", r.there.Name, err)
		}
		if err := r.leadsBack(ctx); err != nil {
			return err
		}
	}
	if changed || r.back.Shared {
		if err := r.apply(ctx, spec); err != nil {
			return err
		}
	}
	for i := range r.Partitions {
		if err := r.tolerate(ctx, &r.Partitions[i]); err != nil {
			return err
		}
	}
	return nil
}

// apply declares the link back.
func (r *run) apply(ctx context.Context, spec replication.Spec) error {
	expect := replication.Absent
	if r.back != nil {
		expect = r.back.Revision
	}
	l, err := r.there.Links.Apply(ctx, spec, expect)
	if err != nil {
		return fmt.Errorf("site %s: %w", r.there.Name, err)
	}
	r.back = &l
	return nil
}

// turn lets the link back begin.
func (r *run) turn(ctx context.Context) error {
	if r.DryRun || r.link.Shared {
		return nil
	}
	if err := r.there.Links.Resume(ctx, r.Back, replication.Resume{FailOver: true}); err != nil {
		return fmt.Errorf("site %s: %w", r.there.Name, err)
	}
	return r.keep(ctx) // The replicators may not have known of the pause before.
}

// keep gives topics here that have the retention of a copy, which is none, that of the source.
func (r *run) keep(ctx context.Context) error {
	for i := range r.Partitions {
		p := &r.Partitions[i]
		if i > 0 && r.Partitions[i-1].Topic == p.Topic {
			continue
		}
		theirs, err := r.there.Cluster.Kafka().Settings(ctx, []string{p.Topic})
		if err != nil {
			return fmt.Errorf("site %s: %w", r.there.Name, err)
		}
		own, err := r.Here.Cluster.Kafka().Settings(ctx, []string{p.Target})
		if err != nil {
			return err
		}
		change := map[string]string{}
		for _, name := range []string{"retention.ms", "retention.bytes"} {
			if want, told := theirs[p.Topic][name]; told && want != "-1" && own[p.Target][name] == "-1" {
				change[name] = want
			}
		}
		if len(change) == 0 {
			continue
		}
		if err := r.Here.Cluster.Kafka().Set(ctx, p.Target, change); err != nil {
			return fmt.Errorf("set the retention of topic %s: %w", p.Target, err)
		}
	}
	return nil
}

// tolerate has the link back accept what stands in a partition below its recorded end.
func (r *run) tolerate(ctx context.Context, p *Partition) error {
	below := r.back.Tolerated(p.Topic, p.Partition)
	if below >= p.End {
		return nil
	}
	if below > 0 { // It may be that only markers have come since, of the link back itself.
		n, err := r.count(ctx, p, below, func(*events.Record) bool { return true })
		if n == 0 || err != nil {
			return err
		}
	}
	err := r.there.Links.Resume(ctx, r.Back, replication.Resume{Topic: p.Topic, Partitions: []int32{p.Partition}, Tolerate: p.End})
	if err != nil {
		return fmt.Errorf("site %s: %w", r.there.Name, err)
	}
	return nil
}

// specBack is what the link back says. One that is there stays as it was declared, but that
// it chooses all topics that are turned round, if it chooses by patterns.
func (r *run) specBack() (spec replication.Spec, changed bool) {
	if r.back != nil {
		spec = r.back.Spec
		spec.Include, spec.Shared = slices.Clone(spec.Include), false
	} else {
		l := &r.link
		spec = replication.Spec{
			Name: r.Back, Source: r.Here.Name, Model: links.Topic, Include: slices.Clone(l.Include), Exclude: l.Exclude,
			Relay: l.Relay, Unfenced: l.Unfenced, On: l.On, BytesPerSecond: l.BytesPerSecond, RecordsPerSecond: l.RecordsPerSecond,
		}
		changed = true
	}
	if spec.Model != links.Topic {
		return spec, changed
	}
	var named []string
	for i := range r.Partitions {
		name := r.Partitions[i].Topic
		if !matches(spec.Include, name) && !slices.Contains(named, regexp.QuoteMeta(name)) && (r.back == nil || len(spec.Applications) == 0) {
			named = append(named, regexp.QuoteMeta(name))
		}
	}
	return withNames(spec, named), changed || len(named) > 0
}

// withNames adds names to what a link includes, several in one pattern.
func withNames(spec replication.Spec, names []string) replication.Spec {
	for len(names) > 0 {
		n, size := 0, 0
		for n < len(names) && (n == 0 || size+len(names[n])+1 <= links.MaxPatternBytes) {
			size += len(names[n]) + 1
			n++
		}
		spec.Include = append(spec.Include, strings.Join(names[:n], "|"))
		names = names[n:]
	}
	return spec
}

// matches tells whether a pattern matches the whole name.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		re, err := regexp.Compile(`\A(?:` + p + `)\z`)
		return err == nil && re.MatchString(name)
	})
}

// pause pauses the link: from then on its site is the one that is written to. A record that
// has come to the source meanwhile undoes it.
func (r *run) pause(ctx context.Context) error {
	if r.DryRun || r.link.Shared {
		return nil
	}
	if err := r.Here.Links.FailOver(ctx, r.link.Name, replication.FailOver{Number: r.Number, Reason: r.reason()}); err != nil {
		return err
	}
	written, err := r.written(ctx)
	if err != nil {
		return fmt.Errorf("the link is failed over, but whether records came to the source meanwhile is not known; make the command again: %w", err)
	}
	if len(written) == 0 {
		return r.keep(ctx)
	}
	err = r.writtenTo(ctx, written, "records came to the source meanwhile; stop what writes there, and try again")
	if undoing := r.Here.Links.Resume(ctx, r.link.Name, replication.Resume{FailOver: true}); undoing != nil {
		return errors.Join(err, undoing)
	}
	return err
}

func (r *run) reason() string {
	return fmt.Sprintf("failed over: %s is written to now, and link %s of %s copies from it", r.Here.Name, r.link.Name, r.link.Source)
}
