package cli

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Copying is a link of this site that makes a copy.
type Copying struct {
	Name string
	// Source is the site that it copies from.
	Source string
	// Paused: it was before.
	Paused bool
}

// Copies tells which links of this site make a copy.
func (a *App) Copies(ctx context.Context, at *cluster.Cluster, of *eventlog.ReadOnlyError) (links []Copying, err error) {
	err = a.links(ctx, at, func(s *replication.Site) error {
		links, err = copiesOf(ctx, s, of)
		return err
	})
	return links, err
}

// Unpaused names those of some links that are not paused; the list is never nil.
func Unpaused(links []Copying) []string {
	names := []string{}
	for _, l := range links {
		if !l.Paused {
			names = append(names, l.Name)
		}
	}
	return names
}

// PauseCopies pauses the links of this site that make a copy, and tells of all of them as they
// were before. In a dry run it only tells.
func (a *App) PauseCopies(ctx context.Context, at *cluster.Cluster, of *eventlog.ReadOnlyError, dryRun bool, reason string) (links []Copying, err error) {
	err = a.links(ctx, at, func(s *replication.Site) error {
		if links, err = copiesOf(ctx, s, of); err != nil {
			return err
		}
		for _, l := range links {
			if dryRun || l.Paused {
				continue
			}
			if err := s.Pause(ctx, l.Name, reason); err != nil {
				return err
			}
		}
		return nil
	})
	return links, err
}

// links runs f with the links of this site, if any was ever declared.
func (a *App) links(ctx context.Context, at *cluster.Cluster, f func(*replication.Site) error) error {
	s, err := replication.Open(ctx, at, replication.Options{Prefix: a.Prefix, Source: a.Source(), Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, replication.ErrNothingDeclared) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // What has ended it, the calls have told.
	return f(s)
}

func copiesOf(ctx context.Context, s *replication.Site, of *eventlog.ReadOnlyError) (all []Copying, err error) {
	state, err := s.State(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, l := range state.Links {
		if l.Prefix != "" && l.Prefix+of.Of.Topic == of.Topic && mayCopy(l.Spec, of.Of.Topic) {
			all = append(all, Copying{l.Name, l.Source, l.Paused})
		}
	}
	return all, nil
}

// mayCopy tells whether a link may copy a topic, as far as its patterns say: of one that chooses by
// applications or groups it is not known here.
func mayCopy(l replication.Spec, topic string) bool {
	if l.Model == links.Grouped || len(l.Applications) > 0 {
		return true
	}
	matches := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			re, err := regexp.Compile(`\A(?:` + p + `)\z`)
			return err == nil && re.MatchString(topic)
		})
	}
	return matches(l.Include) && !matches(l.Exclude)
}
