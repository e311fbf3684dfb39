package link

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
)

// positionView is where a consumer group goes on, as printed. Had is -1 if it has
// committed nothing at the target.
type positionView struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Source    int64  `json:"source_offset"`
	Target    int64  `json:"target_offset"`
	Had       int64  `json:"had"`
	Behind    bool   `json:"behind"`
	Verdict   string `json:"verdict"`
}

func groups(a *cli.App) *cobra.Command {
	var only, topic string
	do := carrying{}
	c := &cobra.Command{
		Use:   "groups NAME",
		Short: "Tell where consumer groups of the source go on in the copies, or commit it",
		Long: `Tell where consumer groups of the source go on in the copies. --commit commits that
for groups that have no members at the target, and never backwards but with --force.`,
		Example: "  spanway link groups orders\n  spanway link groups orders --group shop --commit",
		Args:    cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []positionView
			found := 0
			err := paired(cmd.Context(), a, args[0], topic, nil, func(ctx context.Context, of copied, p *audit.Pair) error {
				views, err := do.carry(ctx, of, p, only)
				found += len(views)
				if a.JSON() { // At once: a topic may take long.
					return cmp.Or(err, printPositions(a, views))
				}
				all = append(all, views...)
				return err
			})
			if err == nil && !a.JSON() || len(all) > 0 {
				printing := printPositions(a, all)
				err = cmp.Or(err, printing)
			}
			if err == nil && only != "" && found == 0 {
				return &replication.Refused{What: fmt.Sprintf("carry consumer group %.99q over", only), Code: events.CodeUnknownConsumerGroup}
			}
			return err
		},
	}
	c.Flags().StringVar(&only, "group", "", "only this consumer group")
	c.Flags().StringVar(&topic, "topic", "", "only this topic of the source")
	c.Flags().BoolVar(&do.commit, "commit", false, "commit the offsets at the target")
	c.Flags().BoolVar(&do.force, "force", false, "commit also where the group has read further at the target")
	return c
}

// carrying says what is done with the offsets of groups.
type carrying struct{ commit, force bool }

func (do carrying) carry(ctx context.Context, of copied, p *audit.Pair, only string) (views []positionView, err error) {
	names := []string{only}
	if only == "" {
		if names, err = p.Groups(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		g, err := p.TranslateGroup(ctx, name)
		if err != nil {
			return views, err
		}
		first := len(views)
		for i := range g.Positions {
			at := &g.Positions[i]
			views = append(views, positionView{name, of.topic, at.Partition, at.Source, at.Target, at.Had, at.Behind, do.verdict(&g, at)})
		}
		wanted := func(v positionView) bool { return v.Verdict == committed }
		if do.commit && slices.ContainsFunc(views[first:], wanted) {
			if _, err := p.CommitGroup(ctx, g, do.force); err != nil {
				return views[:first], fmt.Errorf("commit the offsets of group %s: %w", name, err)
			}
		}
	}
	return views, nil
}

const committed = "committed"

// verdict is what becomes of a position.
func (do carrying) verdict(g *audit.Group, at *audit.Position) string {
	switch {
	case at.Had == at.Target:
		return "same"
	case g.TargetMembers > 0:
		return "group in use"
	case at.Backwards() && !do.force:
		return "further there"
	case do.commit:
		return committed
	}
	return "would be set"
}

func printPositions(a *cli.App, views []positionView) error {
	t := &cli.Table{Head: []string{"GROUP", "TOPIC", "P", "SOURCE", "TARGET", "HAD", "VERDICT"}}
	for i := range views {
		v := &views[i]
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		had := "-"
		if v.Had >= 0 {
			had = fmt.Sprint(v.Had)
		}
		verdict := v.Verdict
		if v.Behind {
			verdict += ", the copy is behind"
		}
		t.Add(cli.Plain(v.Group), cli.Plain(v.Topic), cli.Plain(v.Partition), cli.Plain(v.Source), cli.Plain(v.Target), cli.Plain(had), cli.Plain(verdict))
	}
	if a.JSON() {
		return nil
	}
	return a.Table(t)
}
