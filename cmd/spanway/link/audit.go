package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// auditView is what an audit of a partition has found, as printed.
type auditView struct {
	Topic        string           `json:"topic"`
	TargetTopic  string           `json:"target_topic"`
	Partition    int32            `json:"partition"`
	Equal        bool             `json:"equal"`
	EqualTo      int64            `json:"equal_to"`
	SourceEnd    int64            `json:"source_end"`
	Same         int64            `json:"same"`
	Behind       int64            `json:"behind"`
	NotCopied    int64            `json:"not_copied"`
	Passed       int64            `json:"passed_over_before"`
	Undeclared   int64            `json:"undeclared"`
	Gone         int64            `json:"gone"`
	Lost         int64            `json:"lost"`
	LostUnknown  bool             `json:"lost_unknown"`
	Generation   uint32           `json:"generation"`
	SourceShrunk bool             `json:"source_shrunk"`
	Wrong        map[string]int64 `json:"wrong,omitempty"`
	First        []findingView    `json:"first,omitempty"`
}

// findingView is a record that is wrong; an offset is -1 where there is none.
type findingView struct {
	Kind   string `json:"kind"`
	Source int64  `json:"source_offset"`
	Target int64  `json:"target_offset"`
}

// different says that an audit has found differences.
type different struct {
	partitions, lost int
	link             *replication.Link
}

func (e *different) Error() string {
	if e.partitions == 0 {
		return "COPY_DIFFERS: " + render.Count(e.lost, "partition lacks", "partitions lack") + " records that were lost before they were copied"
	}
	text := "COPY_DIFFERS: " + render.Count(e.partitions, "partition is no true copy", "partitions are no true copies")
	if l := e.link; l != nil && l.FailedOver {
		text += fmt.Sprintf("; link %s is failed over, so that this site is written to, and what was written here since is foreign to this link: audit the link back, by spanway link audit at the site %s", l.Name, l.Source)
	}
	return text
}

// ExitCode is that of a refusal.
func (e *different) ExitCode() int { return cli.ExitRefused }

func auditing(a *cli.App) *cobra.Command {
	var topic string
	whole := false
	c := &cobra.Command{
		Use:   "audit NAME",
		Short: "Compare what a link has copied with its source, record by record",
		Long: `Compare what a link has copied with its source, record by record, up to where both
end now. It is done by other code than that which copies. Exit code 1 says that a
record is missing, different, double, out of order, or of somebody else; with --whole
also that one is not copied yet, or was lost before it was copied.`,
		Example: `  spanway link audit orders
  spanway link audit orders --topic payments --whole`,
		Args: cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			wrong, views, reported := &different{}, []auditView(nil), &replication.Status{}
			change := func(l *replication.Link, status *replication.Status, c *audit.Config) {
				c.Whole, wrong.link, reported = whole, l, status
			}
			err := paired(cmd.Context(), a, args[0], topic, change, func(ctx context.Context, of copied, p *audit.Pair) error {
				all, err := p.All(ctx)
				for i := range all {
					if !all[i].Equal() {
						wrong.partitions++
					}
					v := viewAudit(of, &all[i], lostOf(args[0], of, all[i].Partition, reported))
					if whole && (v.Lost > 0 || v.LostUnknown) {
						wrong.lost++
					}
					views = append(views, v)
				}
				if a.JSON() { // At once: a topic may take long.
					printing := printAudits(a, views)
					views, err = nil, cmp.Or(err, printing)
				}
				return err
			})
			if len(views) > 0 {
				printing := printAudits(a, views)
				err = cmp.Or(err, printing)
			}
			var nothing *nothingLeft
			switch {
			case errors.As(err, &nothing): // What the source has deleted is left out.
				a.Notef("%v\n", nothing)
				return nil
			case err == nil && wrong.partitions+wrong.lost > 0:
				return wrong
			}
			return err
		},
	}
	c.Flags().StringVar(&topic, "topic", "", "only this topic of the source")
	c.Flags().BoolVar(&whole, "whole", false, "what is not copied yet is missing, and what was lost is, too")
	return c
}

func viewAudit(of copied, r *audit.Report, lost loss) auditView {
	v := auditView{
		Topic: of.topic, TargetTopic: of.target, Partition: r.Partition, Equal: r.Equal(), EqualTo: r.EqualTo, SourceEnd: r.Source.End,
		Same: r.Same, Behind: r.Behind, Gone: r.Gone, NotCopied: r.Looped + r.Relayed + r.Elsewhere + r.Uncopyable,
		Passed: r.Passed, Undeclared: r.Undeclared, Lost: lost.lost, LostUnknown: lost.unknown, Generation: r.Generation, SourceShrunk: r.Shrunk, Wrong: map[string]int64{},
	}
	results := []*compare.Result{&r.Result}
	if r.Keys != nil {
		results = append(results, r.Keys)
		v.EqualTo = min(v.EqualTo, r.Keys.EqualTo)
	}
	for _, result := range results {
		for kind, n := range result.Wrong {
			if n > 0 {
				v.Wrong[compare.Kind(kind).String()] += n
			}
		}
		for _, f := range result.First {
			v.First = append(v.First, findingView{f.Kind.String(), f.Source, f.Target})
		}
	}
	return v
}

func printAudits(a *cli.App, views []auditView) error {
	t := &cli.Table{Head: []string{"TOPIC", "P", "INTO", "VERDICT", "EQUAL TO", "END", "SAME", "BEHIND", "NOT COPIED", "LOST"}}
	for i := range views {
		v := &views[i]
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		verdict := cli.Marked("equal", render.Green)
		if !v.Equal {
			verdict = cli.Marked("differs", render.Red)
		}
		t.Add(cli.Plain(v.Topic), cli.Plain(v.Partition), cli.Plain(v.TargetTopic), verdict,
			cli.Plain(v.EqualTo), cli.Plain(v.SourceEnd), cli.Plain(v.Same), cli.Plain(v.Behind), cli.Plain(v.NotCopied), v.lost())
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	for i := range views {
		v := &views[i]
		for _, f := range v.First {
			a.Printf("%s/%d: %s: %s, %s\n", v.Topic, v.Partition, f.Kind, place("source", f.Source), place("target", f.Target))
		}
		if v.Passed > 0 {
			a.Printf("%s/%d: %s passed over by what was declared then, and would be copied now\n", v.Topic, v.Partition, render.Count(v.Passed, "record was", "records were"))
		}
		if v.Undeclared > 0 {
			a.Printf("%s/%d: %s not copied, and it is not known any more what was declared then\n", v.Topic, v.Partition, render.Count(v.Undeclared, "record was", "records were"))
		}
		if v.Gone > 0 {
			a.Printf("%s/%d: %s of what the source has deleted since, and not compared\n", v.Topic, v.Partition, render.Count(v.Gone, "copy is", "copies are"))
		}
		if v.SourceShrunk {
			a.Printf("%s/%d: the source has lost records that were copied, or was created again\n", v.Topic, v.Partition)
		}
	}
	return nil
}

// lost is how many records are known to have been lost before they were copied.
func (v *auditView) lost() cli.Cell {
	switch {
	case v.Lost == 0 && !v.LostUnknown:
		return cli.Plain(0)
	case v.Lost == 0:
		return cli.Marked("?", render.Red)
	case v.LostUnknown:
		return cli.Marked(fmt.Sprintf("%d+", v.Lost), render.Red)
	}
	return cli.Marked(strconv.FormatInt(v.Lost, 10), render.Red)
}

// place is an offset of a side.
func place(side string, offset int64) string {
	if offset < 0 {
		return "no " + side
	}
	return fmt.Sprintf("%s @%d", side, offset)
}
