package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/replication"
)

// leftovers are what a site that is retired has besides its objects, at the cluster of the global
// manager: the links that copy from it, and the identifiers that it owns.
type leftovers struct {
	a    *cli.App
	at   *cluster.Cluster
	q    *query.Querier
	site string
}

// grantView is a grant that was released, as -o json prints it; the names are stable.
type grantView struct {
	Space     string `json:"space"`
	RequestID string `json:"request_id"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

// links deletes the links that copy from the site, and returns their names. What was copied stays.
func (l *leftovers) links(ctx context.Context) (deleted []string, err error) {
	s, err := replication.Open(ctx, l.at, replication.Options{
		Prefix: l.a.Prefix, Source: l.a.Source(), Brief: true, Logger: slog.New(slog.DiscardHandler),
	})
	if errors.Is(err, replication.ErrNothingDeclared) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	state, err := s.State(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, link := range state.Links {
		if link.Source != l.site {
			continue
		}
		if err := s.Delete(ctx, link.Name); err != nil {
			return deleted, err
		}
		deleted = append(deleted, link.Name)
	}
	return deleted, nil
}

// grants releases the identifiers whose owner is the site.
func (l *leftovers) grants(ctx context.Context) (released []grantView, err error) {
	n, err := l.at.Kafka().Partitions(ctx, events.Topics{Prefix: l.a.Prefix}.IDEvents())
	if err != nil || n == 0 {
		return nil, err
	}
	spaces, _, err := l.q.Spaces(ctx)
	if err != nil {
		return nil, err
	}
	c, err := ids.New(ids.Config{Cluster: l.at, Prefix: l.a.Prefix, Source: l.a.Source()})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, space := range spaces {
		owned, err := l.owned(ctx, space)
		if err != nil {
			return released, err
		}
		for _, v := range owned {
			g := ids.Grant{Space: v.Space, RequestID: v.RequestID, Owner: l.site}
			if err := c.ReleasePart(ctx, g, v.From, v.To); err != nil {
				return released, err
			}
			released = append(released, v)
		}
	}
	return released, nil
}

// owned are the ranges of a space that the site holds.
func (l *leftovers) owned(ctx context.Context, space *query.Space) (owned []grantView, err error) {
	_, err = l.q.Ranges(ctx, space.Name, space.From, func(r query.Range) bool {
		if r.State == "live" && r.Owner == l.site {
			owned = append(owned, grantView{space.Name, r.RequestID, r.From, r.To})
		}
		return true
	})
	return owned, err
}

// remove removes all of it, and tells what it was. What cannot be removed is told with what to do:
// the site is retired all the same.
func (l *leftovers) remove(ctx context.Context, objects uint32) error {
	links, noLinks := l.links(ctx)
	grants, noGrants := l.grants(ctx)
	err := l.tell(objects, links, grants)
	if noLinks != nil {
		err = errors.Join(err, fmt.Errorf("site %s is retired, and links that copy from it may be left: %w; see spanway link list and link delete", l.site, noLinks))
	}
	if noGrants != nil {
		err = errors.Join(err, fmt.Errorf("site %s is retired, and identifiers that it owned may be left: %w; see spanway id show and id release", l.site, noGrants))
	}
	return err
}

// tell tells what is retired, and what was removed with it.
func (l *leftovers) tell(objects uint32, links []string, grants []grantView) error {
	err := l.a.Said(map[string]any{
		"site": l.site, "retired": true, "objects": objects,
		"links": append([]string{}, links...), "released": append([]grantView{}, grants...),
	}, "site %s is retired; it had %d objects", l.site, objects)
	if l.a.JSON() {
		return err
	}
	for _, name := range links {
		err = errors.Join(err, l.a.Printf("link %s, which copied from it, is deleted\n", name))
	}
	for _, g := range grants {
		err = errors.Join(err, l.a.Printf("%d to %d of space %s, which it owned, are released\n", g.From, g.To, g.Space))
	}
	return err
}
