package replication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Apply declares a link: it makes one, or replaces what one says; whether it is paused
// stays. expect is the revision that the caller has seen, Any or Absent. It returns the link
// as it is then.
func (s *Site) Apply(ctx context.Context, spec Spec, expect int64) (Link, error) {
	what := fmt.Sprintf("apply link %.99q", spec.Name)
	if err := spec.Check(); err != nil {
		return Link{}, refusal(what, err)
	}
	var l Link
	m := &events.ReplicationLinkDeclared{Link: spec.Message(), Expect: expect, AtMs: now()}
	err := s.call(ctx, what, m, func(c *links.Core) { l, _ = c.Link(spec.Name) }, func(c *links.Core, r *Refused) {
		switch other, found := c.Same(spec); {
		case r.Code == events.CodeLinkConflict && found:
			r.Link, r.Detail = &other, fmt.Sprintf("link %q copies the same to the same place", other.Name)
		case r.Code == events.CodeStaleRevision:
			explainStale(c, spec.Name, expect, r)
		}
	})
	return l, err
}

// explainStale says which revision a link has.
func explainStale(c *links.Core, name string, expect int64, r *Refused) {
	l, there := c.Link(name)
	if !there {
		r.Detail = fmt.Sprintf("revision %d is expected, and the link was deleted", expect)
		return
	}
	r.Link, r.Detail = &l, fmt.Sprintf("revision %d is expected, and it has %d", expect, l.Revision)
}

// Pause stops the copies of a link; they keep their places. reason is for people.
func (s *Site) Pause(ctx context.Context, link, reason string) error {
	what := fmt.Sprintf("pause link %.99q", link)
	if err := events.CheckOptionalID("the reason", reason); err != nil {
		return refusal(what, err)
	}
	return s.call(ctx, what, &events.ReplicationLinkPaused{Link: link, Reason: reason, AtMs: now()}, nil, nil)
}

// FailOver says how a link was failed over.
type FailOver struct {
	// Number counts the fail-overs of the two sites from 1. Reason is for people.
	Number int64
	Reason string
	// NoLinkBack: the source was away, so that there is no link back yet.
	NoLinkBack bool
}

// FailOver pauses a link as a fail-over does: its site is the one that is written to from
// then on.
func (s *Site) FailOver(ctx context.Context, link string, f FailOver) error {
	m := &events.ReplicationLinkPaused{Link: link, Reason: f.Reason, FailOver: f.Number, NoLinkBack: f.NoLinkBack, AtMs: now()}
	return s.call(ctx, fmt.Sprintf("fail link %.99q over", link), m, nil, nil)
}

// Resume says how the copies of a link go on.
type Resume struct {
	// Topic is that of the source; all, and the pause of the link ends, if it is empty.
	Topic string
	// Partitions of the topic; all if it is empty.
	Partitions []int32
	// Restart begins anew: at the offset From of the source, or at the first that it has.
	// What was copied before stays in front of it, so that it is for the topic that needs it
	// alone: without Topic it is refused with ErrBadData.
	Restart bool
	From    int64
	// Tolerate is the offset in the target below which records of others are no reason to
	// stop; 0: none.
	Tolerate int64
	// FailOver turns back a link that was failed over. Without it that is refused with
	// ErrFailedOver, for both links would be at work at once: package failover sees to it
	// that the other one is paused.
	FailOver bool
}

// Resume ends the pause of a link, and has copies tried again that have stopped.
func (s *Site) Resume(ctx context.Context, link string, r Resume) error {
	what := fmt.Sprintf("resume link %.99q", link)
	if r.Restart && r.Topic == "" { // The fold takes it: logs may hold such a call.
		return &Refused{What: what, Code: events.CodeBadData, Detail: "no topic is given, and without one every copy of the link would begin anew: give one"}
	}
	m := &events.ReplicationLinkResumed{
		Link: link, Topic: r.Topic, Partitions: r.Partitions, Restart: r.Restart, FromOffset: r.From, AcceptForeignBelow: r.Tolerate, FailOver: r.FailOver, AtMs: now(),
	}
	return s.call(ctx, what, m, nil, func(c *links.Core, r *Refused) {
		if l, there := c.Link(link); there && r.Code == events.CodeLinkFailedOver {
			r.Link, r.Detail = &l, fmt.Sprintf("this site is written to since the link was failed over; to fail back, call spanway link failover at the site %s", l.Source)
			if l.NoLinkBack {
				r.Detail = fmt.Sprintf("this site is written to since the link was failed over without its source %s, and there is no link back yet; when the source answers call spanway link failover %s here once more, which declares it", l.Source, link)
			}
		}
	})
}

// Delete ends a link. What it has copied stays.
func (s *Site) Delete(ctx context.Context, link string) error {
	return s.call(ctx, fmt.Sprintf("delete link %.99q", link), &events.ReplicationLinkDeleted{Link: link, AtMs: now()}, nil, nil)
}

// ApplyGroup declares a group, or replaces it.
func (s *Site) ApplyGroup(ctx context.Context, g Group) error {
	what := fmt.Sprintf("apply group %.99q", g.Name)
	if err := cmp.Or(g.Check(), links.CheckTopics(g.Topics)); err != nil {
		return refusal(what, err)
	}
	return s.call(ctx, what, &events.ReplicationGroupDeclared{Group: g.Name, Topics: g.Topics, Sites: g.Sites, AtMs: now()}, nil, nil)
}

// DeleteGroup ends a group: links with it copy its topics no more. What was copied stays.
func (s *Site) DeleteGroup(ctx context.Context, name string) error {
	return s.call(ctx, fmt.Sprintf("delete group %.99q", name), &events.ReplicationGroupDeleted{Group: name, AtMs: now()}, nil, nil)
}

// call makes a call. accepted sees the core at the very moment; explain may add to a
// refusal. Both run in the host's goroutine.
func (s *Site) call(ctx context.Context, what string, m proto.Message, accepted func(*links.Core), explain func(*links.Core, *Refused)) error {
	var refused *Refused
	_, err := s.host.Call(ctx, m, func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict) {
		c := core.(*links.Core)
		if v.Accepted() {
			if accepted != nil {
				accepted(c)
			}
			return
		}
		refused = &Refused{What: what, Code: v.Code}
		if explain != nil {
			explain(c, refused)
		}
	})
	switch {
	case err != nil:
		return refusal(what, err)
	case refused != nil:
		return refused
	}
	return nil
}

// refusal is the error of what was refused before it came to the log.
func refusal(what string, err error) error {
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return &Refused{What: what, Code: bad.Code, Detail: bad.Message}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// now is the time of day, for people: no decision rests on it.
func now() int64 { return time.Now().UnixMilli() }
