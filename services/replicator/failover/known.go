package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// reporting is how long a first report of a copy is waited for: replicators report once a
// second.
const reporting = 10 * time.Second

// sourceDeleted is the state of a copy whose source was deleted: it does not write any more.
const sourceDeleted = "source_deleted"

// known takes the copies of the link that replicators have reported.
func (r *run) known(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, reporting)
	defer cancel()
	err := replication.WatchStatus(waiting, r.Here.Cluster, r.Prefix, func(s replication.Status) error {
		for _, m := range r.copies(&s) {
			r.Partitions = append(r.Partitions, reported(m))
		}
		if len(r.Partitions) > 0 {
			return errRead
		}
		if AllDeleted(r.link.Name, &s, time.Now()) {
			return r.fail(NothingCopied, nil, nil, "all that it has copied was deleted at the source, and the copies are kept; see spanway link show %s", r.link.Name)
		}
		return nil
	})
	var failed *Error
	switch {
	case errors.Is(err, errRead):
		return nil
	case errors.As(err, &failed):
		return failed
	case waiting.Err() != nil && ctx.Err() == nil:
		return r.fail(NothingCopied, nil, nil, "no replicator of this site has reported a copy of what the link chooses; see spanway link show %s", r.link.Name)
	}
	return err
}

// reported is a partition as it was reported last.
func reported(m *events.ReplicationCopyReported) Partition {
	p := Partition{
		Topic: m.Topic, Target: m.TargetTopic, Partition: m.Partition,
		End: m.SourceEnd, Next: m.Next, Left: max(0, m.SourceEnd-m.Next), Certain: LastKnown, At: time.UnixMilli(m.AtMs),
	}
	if m.LagUnknown {
		p.Left, p.Certain = 0, Unknown
	}
	return p
}

// AllDeleted tells whether all that a link has copied was deleted at its source: replicators
// report of the link, and have no copies of it.
func AllDeleted(link string, s *replication.Status, now time.Time) bool {
	deleted, attended := false, false
	for _, m := range s.Copies {
		if m.Link == link && m.State != sourceDeleted {
			return false
		}
		deleted = deleted || m.Link == link
	}
	for _, m := range s.Shares {
		if m.Link != link || now.Sub(time.UnixMilli(m.AtMs)) > fresh {
			continue
		}
		if attended = true; m.State != "idle" || m.Copies > 0 || len(m.Problems) > 0 {
			return false
		}
	}
	return deleted && attended
}

// choice takes down what the link chooses. The status may hold reports that nobody has
// deleted: of a link of that name which was deleted while no replicator ran, or of topics that
// the link has chosen once. What applications announce is not known of a source that is away.
func (r *run) choice(ctx context.Context, away bool) error {
	site := r.Site
	if site == "" {
		site = r.Here.Name
	}
	in := selection.Input{Site: selection.Site{Name: site, Prefix: r.Prefix}, Groups: r.declared.Groups}
	if !away && len(r.link.Applications) > 0 {
		all, err := replication.Applications(ctx, r.there.Cluster, r.Prefix)
		if err != nil {
			return fmt.Errorf("site %s: %w", r.there.Name, err)
		}
		var announced []selection.Application
		for _, a := range all {
			announced = append(announced, selection.Application{Name: a.Name, Topics: a.Topics, Sites: a.Sites, Routed: a.Model == links.Routed, Header: a.Header})
		}
		in.Sources = map[string]selection.Source{r.link.Source: {Applications: announced}}
	}
	r.chooses = selection.Choice(in, &r.link)
	if away && len(r.link.Applications) > 0 {
		lenient := r.link
		lenient.Model, lenient.Include = links.Topic, []string{".*"}
		r.chooses = selection.Choice(in, &lenient)
	}
	return nil
}

// copies are the reports of copies that are the link's. One whose source was deleted is not
// turned round.
func (r *run) copies(s *replication.Status) (own []*events.ReplicationCopyReported) {
	for _, m := range s.Copies {
		if m.Link == r.link.Name && m.State != sourceDeleted && m.TargetTopic == r.link.Prefix+m.Topic && r.chooses(m.Topic) && !r.another(s, m) {
			own = append(own, m)
		}
	}
	return own
}

// another tells whether the target of a copy has come to be that of another link: it was
// reported later by that one, and not both may write there.
func (r *run) another(s *replication.Status, m *events.ReplicationCopyReported) bool {
	for _, other := range s.Copies {
		if other.TargetTopic != m.TargetTopic || other.Partition != m.Partition || other.Link == m.Link || other.AtMs <= m.AtMs || other.State == sourceDeleted {
			continue
		}
		if l, there := r.declared.Link(other.Link); there && !(l.Shared && r.link.Shared) {
			return true
		}
	}
	return false
}
