package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/failover"
)

// failing is what failover is to do.
type failing struct {
	config failover.Config
	as     string
	steps  map[failover.Step]bool // that were told of
}

func failOver(a *cli.App) *cobra.Command {
	do := &failing{steps: map[failover.Step]bool{}}
	c := &cobra.Command{
		Use:   "failover NAME",
		Short: "Turn the direction of a link round: this site is written to, and the source copies from it",
		Long: `Turn the direction of a link round, so that this site is the one that is written to,
and its source copies from it. Stop what writes to the source first. The command waits
until nothing comes there any more and all is copied, compares both sides whole, carries
the offsets of consumer groups over, declares the link back at the other site and pauses
this one. Interrupted, the same command goes on; start the applications here when it has
succeeded. To fail back, call it at the other site.

--force is for a source that does not answer: the link is paused at once, and what is
known to be missing is printed. Call it again when the source answers, for the link back.`,
		Example: "  spanway --site fra link failover orders --dry-run\n  spanway --site fra link failover orders\n  spanway --site ams link failover orders     # and back",
		Args:    cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			do.config.Link = args[0]
			if do.config.Quiet >= do.config.Timeout {
				return cli.Usage("--quiet is %s and --timeout %s, which would end before: give a shorter --quiet, or a longer --timeout", do.config.Quiet, do.config.Timeout)
			}
			return do.run(cmd.Context(), a)
		},
	}
	f := c.Flags()
	f.BoolVar(&do.config.DryRun, "dry-run", false, "wait and compare, but change nothing")
	f.BoolVar(&do.config.Force, "force", false, "go on without a source that does not answer")
	f.DurationVar(&do.config.Quiet, "quiet", 3*time.Second, "for how long no record may come to the source")
	f.DurationVar(&do.config.Timeout, "timeout", 10*time.Minute, "how long to wait for that, and for the copies")
	cli.Lasting(f, time.Millisecond, false, "quiet", "timeout")
	f.StringVar(&do.as, "as", "", "what the replicators of the other site call this cluster (default its name in the configuration file, or else that of the site)")
	return c
}

func (do *failing) run(ctx context.Context, a *cli.App) error {
	return a.Answering(ctx, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		here, closed, err := declaredAt(ctx, c, options(a, log, false))
		if err != nil {
			return err
		}
		defer closed()
		do.config.Here = failover.Site{Name: cmp.Or(do.as, a.Target.Cluster.Name, a.Site), Cluster: c, Links: here}
		do.config.Site, do.config.Prefix = a.Site, a.Prefix
		checkpoints := checkpointsOf(a, c)
		do.config.Audit = func(l *replication.Link, topic, target string) audit.Config {
			return configOf(a, l, copied{topic, target}, checkpoints)
		}
		do.config.Tell = func(s failover.Step, text string) { do.tell(a, s, text) }
		var closing []func()
		defer func() {
			for _, f := range closing {
				f()
			}
		}()
		do.config.Source = func(ctx context.Context, l *replication.Link) (failover.Site, error) {
			site, closed, err := do.source(ctx, a, l, log)
			closing = append(closing, closed)
			return site, err
		}
		r, err := failover.Run(ctx, do.config)
		if printing := printFailover(a, viewFailover(&r, do.config.DryRun), err); err == nil {
			err = printing
		}
		return err
	})
}

// reach is how long the other site may take to answer until it counts as away.
const reach = 15 * time.Second

// source opens the other site.
func (do *failing) source(ctx context.Context, a *cli.App, l *replication.Link, log *slog.Logger) (_ failover.Site, closed func(), err error) {
	site := failover.Site{Name: l.Source}
	c, err := openSource(a, l.Source, log)
	if err != nil {
		return site, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, reach)
	defer cancel()
	links, closing, err := declaredAt(ctx, c, options(a, log, !do.config.DryRun))
	site.Cluster, site.Links = c, links
	return site, func() { closing(); c.Close() }, err
}

// declaredAt opens what a site declares; nothing if it never declared anything.
func declaredAt(ctx context.Context, c *cluster.Cluster, o replication.Options) (_ failover.Links, closed func(), err error) {
	s, err := replication.Open(ctx, c, o)
	switch {
	case errors.Is(err, replication.ErrNothingDeclared):
		return nothing{}, func() {}, nil
	case err != nil:
		return nil, func() {}, err
	}
	return s, func() { _ = s.Close() }, nil // What has ended it, the calls have told.
}

// nothing is a site that has declared nothing, and is not to be changed.
type nothing struct{ failover.Links }

// State implements failover.Links.
func (nothing) State(context.Context, bool) (replication.State, error) {
	return replication.State{}, nil
}

// tell says on standard error what is done, each step once, and what it waits for.
func (do *failing) tell(a *cli.App, s failover.Step, text string) {
	if !do.steps[s] {
		do.steps[s] = true
		text = fmt.Sprintf("%s: %s", s, text)
	}
	a.Notef("%s\n", text)
}
