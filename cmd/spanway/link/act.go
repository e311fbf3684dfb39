package link

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
)

func pause(a *cli.App) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "pause NAME",
		Short: "Stop the copies of a link; they keep their places",
		Args:  cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) error {
				if err := s.Pause(ctx, args[0], reason); err != nil {
					return err
				}
				return a.Said(map[string]any{"link": args[0], "paused": true}, "link %s is paused", args[0])
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	return c
}

// resuming is what resume is to do.
type resuming struct {
	topic      string
	partitions []int32
	from       string
	foreign    bool
}

func resume(a *cli.App) *cobra.Command {
	do := &resuming{}
	c := &cobra.Command{
		Use:   "resume NAME",
		Short: "End the pause of a link, or let copies go on that have stopped",
		Long: `End the pause of a link, and try copies again that have stopped. What has stopped
for a reason that is still there stops again: mend it, or say what is to be done.

--from begins the copies of one topic anew, at the earliest record of the source or at
an offset of it, which may be its end and not lie behind it (BAD_DATA; where the end is not
known now, the copy stops with beyond_end). If the source has deleted the record at that
offset, they begin at the earliest one that it has. What was copied before stays in front of it, so that of a copy which
is sound all records are there twice. --accept-foreign accepts what
others have written to the copy's topic up to now. A link that was failed over is
not resumed but by a fail-over at the other site.`,
		Example: `  spanway link resume orders
  spanway link resume orders --topic payments --partition 3 --from earliest
  spanway link resume orders --topic payments --accept-foreign`,
		Args: cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if do.topic == "" && (len(do.partitions) > 0 || do.foreign || do.from != "") {
				return cli.Usage("--partition, --from and --accept-foreign are of one topic: give it by --topic")
			}
			r := replication.Resume{Topic: do.topic, Partitions: do.partitions}
			if do.from != "" {
				r.Restart = true
				if n, err := strconv.ParseInt(do.from, 10, 64); err == nil {
					r.From = n
				}
			}
			return opened(cmd.Context(), a, func(ctx context.Context, c *cluster.Cluster, s *replication.Site) error {
				return do.run(ctx, a, c, s, args[0], r)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&do.topic, "topic", "", "only the copies of this topic of the source")
	f.Int32SliceVar(&do.partitions, "partition", nil, "only those of these partitions")
	f.StringVar(&do.from, "from", "", "begin anew: earliest, or an offset of the source")
	cli.Checked(f, "from", func(text string) error {
		if n, err := strconv.ParseInt(text, 10, 64); text != "" && text != "earliest" && (err != nil || n < 0) {
			return fmt.Errorf("give earliest, or an offset of 0 or more")
		}
		return nil
	})
	f.BoolVar(&do.foreign, "accept-foreign", false, "accept what others have written to the copy's topic")
	return c
}

func (do *resuming) run(ctx context.Context, a *cli.App, c *cluster.Cluster, s *replication.Site, name string, r replication.Resume) error {
	if r.From > 0 {
		if err := do.within(ctx, a, c, s, name, &r); err != nil {
			return err
		}
	}
	all := []replication.Resume{r}
	if do.foreign {
		var err error
		if all, err = do.accepting(ctx, c, s, name, r); err != nil {
			return err
		}
	}
	for _, r := range all {
		if err := s.Resume(ctx, name, r); err != nil {
			return err
		}
	}
	if r.Topic != "" {
		do.doubt(ctx, a, c, name, &r)
	}
	return a.Said(map[string]any{"link": name, "resumed": true}, "link %s is resumed", name)
}

// accepting asks where each partition of the target ends now: what others have written up to
// there is accepted.
func (do *resuming) accepting(ctx context.Context, c *cluster.Cluster, s *replication.Site, name string, r replication.Resume) (all []replication.Resume, err error) {
	state, err := s.State(ctx, true)
	if err != nil {
		return nil, err
	}
	l, there := state.Link(name)
	if !there {
		return nil, unknown("resume", name)
	}
	target := l.Prefix + do.topic
	n, err := c.Kafka().Partitions(ctx, target)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, cli.Usage("the site has no topic %s, so that there is nothing to accept", target)
	}
	partitions := r.Partitions
	for p := int32(0); len(r.Partitions) == 0 && p < n; p++ {
		partitions = append(partitions, p)
	}
	for _, p := range partitions {
		if p >= n {
			return nil, cli.Usage("topic %s has partitions 0 to %d, not %d", target, n-1, p)
		}
		_, end, err := c.Offsets(ctx, target, p)
		if err != nil {
			return nil, err
		}
		r.Partitions, r.Tolerate = []int32{p}, end
		all = append(all, r)
	}
	return all, nil
}

// remaining is delete, a word of the language.
func remaining(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a link; what it has copied stays",
		Args:  cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) error {
				if err := s.Delete(ctx, args[0]); err != nil {
					return err
				}
				return a.Said(map[string]any{"link": args[0], "deleted": true}, "link %s is deleted", args[0])
			})
		},
	}
}

// doubt tells of copies that are resumed and that no replicator reports: their names may be
// misspelt.
func (do *resuming) doubt(ctx context.Context, a *cli.App, c *cluster.Cluster, link string, r *replication.Resume) {
	status, err := replication.ReadStatus(ctx, c, a.Prefix)
	if err != nil {
		a.Notef("whether there is such a copy is not known: read what replicators report: %v\n", err)
		return
	}
	if of := unreportedOf(link, r, &status); of != "" {
		a.Notef("no replicator reports a copy %s: that is right before its first report; else the name may be wrong (spanway link show %s --partitions)\n", of, link)
	}
}

// unreportedOf is which of the copies that are resumed no replicator reports; empty if all
// are reported.
func unreportedOf(link string, r *replication.Resume, status *replication.Status) string {
	reported := map[int32]bool{}
	for _, m := range status.Copies {
		if m.Link == link && m.Topic == r.Topic {
			reported[m.Partition] = true
		}
	}
	if len(reported) == 0 {
		return "of topic " + r.Topic
	}
	for _, p := range r.Partitions {
		if !reported[p] {
			return fmt.Sprintf("of partition %d of topic %s", p, r.Topic)
		}
	}
	return ""
}
