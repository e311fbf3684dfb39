package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

func applications(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "applications",
		Short: "List the applications that have announced in this cluster which topics are to be copied",
		Long: `List the applications that have announced in this cluster which of its topics are to be
copied. Links of other sites that name an application copy them. What stands among the
announcements and is none is named on standard error.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
				all, err := replication.ReadAnnounced(ctx, c, a.Prefix)
				if err != nil {
					return err
				}
				for _, bad := range all.Bad {
					a.Notef("%s/0@%d announces nothing: its key is %.99q: %v\n", events.Topics{Prefix: a.Prefix}.ReplicationApplications(), bad.Offset, bad.Key, bad.Why)
				}
				return printApplications(a, all.Applications)
			})
		},
	}
}

func printApplications(a *cli.App, all []replication.Application) error {
	t := &cli.Table{Head: []string{"APPLICATION", "MODEL", "SITES", "TOPICS"}}
	for _, said := range all {
		v := viewAnnounced(said)
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		model := string(v.Model)
		if v.Header != "" {
			model += " by " + v.Header
		}
		t.Add(cli.Plain(v.Application), cli.Plain(model), cli.Plain(cmp.Or(strings.Join(v.Sites, " "), "all")), cli.Plain(strings.Join(v.Topics, " ")))
	}
	if a.JSON() {
		return nil
	}
	return a.Table(t)
}

// unannounced refuses the name of an application that has announced nothing. Who may announce need
// not be one that may read what others do: then it is not looked at.
func unannounced(ctx context.Context, a *cli.App, c *cluster.Cluster, name string) error {
	what := fmt.Sprintf("withdraw application %.99q", name)
	if err := c.Guard(a.Prefix, events.Topics{Prefix: a.Prefix}.ReplicationApplications()).Writable(ctx, -1); err != nil {
		return fmt.Errorf("%s: %w", what, err) // A mirror says so first.
	}
	all, err := replication.ReadAnnounced(ctx, c, a.Prefix)
	var denied *cluster.Denied
	switch {
	case errors.As(err, &denied):
		return nil
	case err != nil:
		return err
	case slices.ContainsFunc(all.Applications, func(x replication.Application) bool { return x.Name == name }),
		slices.ContainsFunc(all.Bad, func(x replication.BadAnnouncement) bool { return x.Key == name }):
		return nil
	}
	return &replication.Refused{What: what, Code: events.CodeUnknownApplication}
}
