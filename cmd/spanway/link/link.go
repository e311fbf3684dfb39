package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// Command is the noun link.
func Command(a *cli.App) *cobra.Command {
	commands := refusing(a, ofLink, apply(a), list(a), show(a), watch(a), pause(a), resume(a), remaining(a), auditing(a), translate(a), groups(a))
	commands = append(commands, refusing(a, ofApplication, announce(a), withdraw(a), applications(a))...)
	// A fail-over that is refused prints how far it came.
	return cli.Noun("link", "Copy topics of other clusters into this site, and see how that stands", append(commands, group(a), importing(a), failOver(a))...)
}

// opened runs f with what the site declares; its topics are made if they are missing.
func opened(ctx context.Context, a *cli.App, f func(ctx context.Context, c *cluster.Cluster, s *replication.Site) error) error {
	return a.Answering(ctx, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		return openedOn(ctx, c, options(a, log, true), f)
	})
}

func openedOn(ctx context.Context, c *cluster.Cluster, o replication.Options, f func(ctx context.Context, c *cluster.Cluster, s *replication.Site) error) (err error) {
	s, err := replication.Open(ctx, c, o)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, s.Close()) }()
	return f(ctx, c, s)
}

func options(a *cli.App, log *slog.Logger, create bool) replication.Options {
	return replication.Options{Prefix: a.Prefix, Source: a.Source(), Brief: true, Create: create, Logger: log}
}

// declared is what the site declares, empty if it never declared anything.
func declared(ctx context.Context, a *cli.App, c *cluster.Cluster, log *slog.Logger) (state replication.State, err error) {
	err = openedOn(ctx, c, options(a, log, false), func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) (err error) {
		state, err = s.State(ctx, true)
		return err
	})
	if errors.Is(err, replication.ErrNothingDeclared) {
		return replication.State{}, nil
	}
	return state, err
}

// asOf says up to where the log of links was folded.
func asOf(a *cli.App, at replication.Position) string {
	return fmt.Sprintf("%s/0@%d", events.Topics{Prefix: a.Prefix}.ReplicationLinks(), at.Offset)
}

// unknown is the refusal of a name that is that of no link.
func unknown(what, name string) error {
	return &replication.Refused{What: fmt.Sprintf("%s link %.99q", what, name), Code: events.CodeUnknownLink}
}
