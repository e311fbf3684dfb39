package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/networks"
)

// promoting is what promote is to do.
type promoting struct {
	from, reason  string
	dryRun, force bool
}

func promote(a *cli.App) *cobra.Command {
	do := &promoting{}
	c := &cobra.Command{
		Use:   "promote --from PREFIX",
		Short: "Let the global manager of this site take over from the one of another, by the copy of its log",
		Long: `Let the global manager of this site take over from the one of another site, which is lost: all
that stands in the copy of its log here, whose prefix is given. The link that makes the copy is
paused first. Sites, objects, revisions, the numbers of entries and the requests that were
decided are handed over to the global manager here, and a term begins that is later than any
of the other one: each site gets a full sync. What the other one had still sent, and the copy
lacks, is told for each site that can be asked, and undone there by the full sync.

The local managers refuse the other global manager from then on. When it is back it finds that
out from the sites, and decides nothing more; mirror the log of this site to it, and promote it
there, to go back.

The command may be repeated until it has succeeded. It is refused if the global manager here has
networks or sites of its own, or if a site follows one that was promoted elsewhere (--force goes
on then). If the other one can still be stopped, stop it first, and wait for the copy.`,
		Example: `  spanway --site fra link apply networks --source ams --include 'spanway\.network\.changes.*' --topic-prefix ams.
  spanway --site fra network promote --from ams.spanway. --reason 'ams is lost'`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := events.CheckPrefix(do.from); err != nil || do.from == a.Prefix {
				return cli.Usage("--from is %q: give the prefix of the topics here that are copies, such as ams.spanway.", do.from)
			}
			return told(a, do.run(cmd.Context(), a))
		},
	}
	f := c.Flags()
	f.StringVar(&do.from, "from", "", "prefix of the copies of the other site's topics, such as ams.spanway.")
	f.StringVar(&do.reason, "reason", "", "why, for people")
	f.BoolVar(&do.dryRun, "dry-run", false, "only tell what would be taken over")
	f.BoolVar(&do.force, "force", false, "also if a site follows a global manager that was promoted elsewhere")
	cli.Names(f, "reason")
	return c
}

// partBytes is about how much is handed over at once.
const partBytes = 256 << 10

func (do *promoting) run(ctx context.Context, a *cli.App) error {
	return a.Asked(ctx, events.Topics{Prefix: a.Prefix}.NetworkChanges(), func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error {
		p := &promotion{promoting: do, DryRun: do.dryRun, Links: []string{}, Sites: []takenSite{}}
		copies := query.New(query.Config{Logs: at, Prefix: do.from, Board: at.Kafka().Board()})
		if err := p.origin(ctx, at, copies); err != nil {
			return err
		}
		own, err := q.Networks(ctx)
		if err != nil {
			return err
		}
		if err := p.close(ctx, a, at); err != nil {
			return err
		}
		n, err := copies.Networks(ctx)
		if err != nil {
			return err
		}
		p.take(n)
		if p.done(own.Core, n.Core) {
			return p.print(a)
		}
		if err := p.compare(ctx, a, n); err != nil {
			return err
		}
		if !do.dryRun {
			if err := p.hand(ctx, a, at, n); err != nil {
				return err
			}
		}
		return p.print(a)
	})
}

// promotion is what was taken over, or would be, as -o json prints it; the names are stable.
type promotion struct {
	*promoting
	of *eventlog.ReadOnlyError
	// Of is the place up to which the log was read: CLUSTER/TOPIC/PARTITION@OFFSET.
	Of string `json:"of"`
	// Term is the one that has begun; 0 of a dry run.
	Term    uint64 `json:"term"`
	Change  uint64 `json:"change"`
	Objects int    `json:"objects"`
	// Links were paused, or would be.
	Links  []string    `json:"links"`
	Sites  []takenSite `json:"sites"`
	DryRun bool        `json:"dry_run"`
	// Already: the promotion had been made before.
	Already bool `json:"already"`
	newest  uint64
}

// takenSite is a site, as -o json prints it.
type takenSite struct {
	Site string `json:"site"`
	// Copied is the newest entry that the copy knows of; Sequence the newest that the site has
	// applied, in Term. Ahead are the entries that the copy lacks.
	Copied   uint64 `json:"copied"`
	Term     uint64 `json:"term"`
	Sequence uint64 `json:"sequence"`
	Ahead    uint64 `json:"ahead"`
	// Unknown is why the site cannot be asked.
	Unknown string `json:"unknown,omitempty"`
}

// origin finds out of what the log is a copy.
func (p *promotion) origin(ctx context.Context, at *cluster.Cluster, copies *query.Querier) error {
	topic := events.Topics{Prefix: p.from}.NetworkChanges()
	there, err := at.Kafka().Partitions(ctx, topic)
	if err == nil && there > 0 {
		err = copies.Writable(ctx, topic, 0)
	}
	switch {
	case errors.As(err, &p.of):
		return nil
	case err != nil:
		return err
	}
	return &networks.Refused{Code: client.CodeNoCopy, Text: fmt.Sprintf("%s is no copy of another site's log, or nothing was copied to it; mirror it first: spanway link apply NAME --source SITE --include 'spanway\\.network\\.changes.*' --topic-prefix PREFIX", topic)}
}

// close pauses the links that make the copy.
func (p *promotion) close(ctx context.Context, a *cli.App, at *cluster.Cluster) error {
	links, err := a.PauseCopies(ctx, at, p.of, p.DryRun, "the global manager of this site is promoted")
	p.Links = cli.Unpaused(links)
	return err
}

// place is the log, wherever it was read to.
func (p *promotion) place() string {
	return fmt.Sprintf("%s/%s/%d", p.of.Of.Cluster, p.of.Of.Topic, p.of.Of.Partition)
}

// take notes what the copy has.
func (p *promotion) take(n *query.Networks) {
	p.Of = fmt.Sprintf("%s@%d", p.place(), n.AsOf.Offset)
	p.Change, p.Objects, p.newest = n.Core.Change(), len(n.Core.State().Objects()), n.Core.Term()
}

// done tells whether the global manager here has taken over before.
func (p *promotion) done(own, of *query.NetworksCore) bool {
	place, _, _ := strings.Cut(own.Of(), "@")
	if own.Replaced() || place != p.place() || query.NetworkEra(own.Term()) <= query.NetworkEra(of.Term()) {
		return false
	}
	p.Already, p.Of, p.Term, p.Change, p.Objects = true, own.Of(), own.Term(), own.Change(), len(own.State().Objects())
	return true
}

// compare asks the sites how far they are.
func (p *promotion) compare(ctx context.Context, a *cli.App, n *query.Networks) error {
	var names []string
	for _, s := range n.Core.Sites() {
		names = append(names, s.Site.Name)
	}
	all, err := reach(ctx, a, names)
	if err != nil {
		return err
	}
	defer all.close()
	for _, name := range names {
		s := takenSite{Site: name, Copied: n.Core.Last(name)}
		if r := all[name]; r.err != nil || r.now == nil {
			s.Unknown = cmp.Or(r.err, errPast).Error()
		} else {
			of := r.now.Core.Report()
			s.Term, s.Sequence = of.Term, of.Sequence
			s.Ahead = s.Sequence - min(s.Sequence, s.Copied)
			p.newest = max(p.newest, s.Term)
		}
		if p.Sites = append(p.Sites, s); query.NetworkEra(s.Term) > query.NetworkEra(n.Core.Term()) && !p.force {
			return &networks.Refused{Code: events.CodeReplaced, Text: fmt.Sprintf("site %s is in term %d, of a global manager that was promoted elsewhere; --force takes it over from that one", name, s.Term)}
		}
	}
	return nil
}

// hand hands over what the copy has.
func (p *promotion) hand(ctx context.Context, a *cli.App, at *cluster.Cluster, n *query.Networks) error {
	c, err := asking(a, at)
	if err != nil {
		return err
	}
	parts, then := n.Core.Parts(uuid.Must(uuid.NewV7()).String(), p.Of, partBytes)
	for _, part := range parts {
		if err := c.Import(ctx, part); err != nil {
			return err
		}
	}
	then.Reason, then.Term = p.reason, p.newest
	done, err := c.Promote(ctx, then)
	if err != nil {
		return err
	}
	p.Term = done.Term
	return nil
}

func (p *promotion) print(a *cli.App) error {
	if a.JSON() {
		return a.Object(p)
	}
	paused := "is paused"
	if p.DryRun {
		paused = "would be paused"
	}
	for _, l := range p.Links {
		if err := a.Printf("link %s %s\n", l, paused); err != nil {
			return err
		}
	}
	t := &cli.Table{Head: []string{"SITE", "COPIED", "APPLIED", "TERM", "UNDONE"}}
	for _, s := range p.Sites {
		if s.Unknown != "" {
			t.Add(cli.Plain(s.Site), cli.Plain(s.Copied), cli.Plain("?"), cli.Plain("?"), cli.Plain("not known: "+s.Unknown))
			continue
		}
		t.Add(cli.Plain(s.Site), cli.Plain(s.Copied), cli.Plain(s.Sequence), cli.Plain(s.Term), cli.Plain(s.Ahead))
	}
	if len(t.Rows) > 0 {
		if err := a.Table(t); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("term %d has begun", p.Term)
	switch {
	case p.DryRun:
		what = "a term would begin"
	case p.Already:
		what = fmt.Sprintf("it was promoted before, in term %d", p.Term)
	}
	return a.Printf("%s: change %d, %d objects, as of %s\n", what, p.Change, p.Objects, p.Of)
}
