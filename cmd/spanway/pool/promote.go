package pool

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
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// promoting is what promote is to do.
type promoting struct {
	from, reason  string
	dryRun, fence bool
}

func promote(a *cli.App) *cobra.Command {
	do := &promoting{}
	c := &cobra.Command{
		Use:   "promote [POOL]... --from PREFIX",
		Short: "Take over pools from the scheduler of another site, by the copy of its log",
		Long: `Let the scheduler of this site take over pools from that of another site, which is lost: all
tasks that have not ended, as the copy of its log here has them, whose prefix is given. All pools
of the copy are taken over, unless some are named. The link that makes the copy is paused first.

Tasks that wait keep their place in order, and what they have used of their attempts. Those that
ran there are placed again, which costs an attempt; one that has none left is dead-lettered.
Fencing tokens go on above all that the other site can have given. The same ID is the same task:
one that is known here already is left out, and one that has ended there is not accepted again.
What the copy lacks of the end of the log is not taken over: submit it again under the same IDs.

The scheduler of the other site does not know of it. When the site is back, tell it before its
scheduler starts, or at once: spanway --site SITE pool replace POOL.... If it can still be
reached, --fence does that first, and waits for the copy, so that nothing is lost.

The command may be repeated until it has succeeded for all pools.`,
		Example: `  spanway --site fra link apply tasks --source ams --include 'spanway\.tasks\.events.*' --topic-prefix ams. --on-overtaken go_on
  spanway --site fra pool promote --from ams.spanway. --reason 'ams is lost'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := events.CheckPrefix(do.from); err != nil || do.from == a.Prefix {
				return cli.Usage("--from is %q: give the prefix of the topics here that are copies, such as ams.spanway.", do.from)
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				p := &promotion{promoting: do, app: a, conn: c}
				p.copies = query.New(query.Config{Logs: c.Cluster, Prefix: do.from, Board: c.Cluster.Kafka().Board()})
				return p.run(ctx, args)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&do.from, "from", "", "prefix of the copies of the other site's topics, such as ams.spanway.")
	f.StringVar(&do.reason, "reason", "", "why, for people")
	f.BoolVar(&do.dryRun, "dry-run", false, "only tell what would be taken over")
	f.BoolVar(&do.fence, "fence", false, "first have the other site give the pools up, and wait until the copy says so")
	cli.Names(f, "reason")
	return c
}

// promotion is one run of it.
type promotion struct {
	*promoting
	app    *cli.App
	conn   *cli.Conn
	copies *query.Querier
	// of are the origins of the copies, by partition.
	of map[int32]*eventlog.ReadOnlyError
	// links were paused, or would be; source is the site that they copy from.
	links  []string
	source string
}

// takenPool is a pool that was taken over, or would be, as -o json prints it; the names are
// stable.
type takenPool struct {
	Pool string `json:"pool"`
	// Of is the place up to which the log was read: CLUSTER/TOPIC/PARTITION@OFFSET.
	Of string `json:"of"`
	// Tasks came; Ran of them were with engines at the other site. Known is how many were left
	// out, because they are known here.
	Tasks int64 `json:"tasks"`
	Ran   int   `json:"ran"`
	Known int64 `json:"known"`
	// Token: those that follow are above it; 0 of a dry run.
	Token uint64 `json:"token"`
	// Links were paused, or would be.
	Links  []string `json:"links"`
	DryRun bool     `json:"dry_run"`
	// Already: it had been done before.
	Already bool `json:"already"`
}

func (p *promotion) run(ctx context.Context, names []string) error {
	pools, err := p.find(ctx, names)
	if err != nil {
		return err
	}
	if p.fence && !p.dryRun {
		if err := p.giveUp(ctx, pools); err != nil {
			return err
		}
	}
	if err := p.close(ctx); err != nil {
		return err
	}
	var taken []string
	for _, pool := range pools {
		t, err := p.take(ctx, pool)
		if err != nil {
			return err
		}
		if err := p.print(t); err != nil {
			return err
		}
		taken = append(taken, string(pool.Pool))
	}
	if p.app.JSON() || p.dryRun || p.fence {
		return nil
	}
	return p.app.Printf("when the other site is back, tell it before its scheduler starts, or at once: spanway --site %s pool replace %s\n", cmp.Or(p.source, "SITE"), strings.Join(taken, " "))
}

// find gives the pools as the copy has them, and where it was made of.
func (p *promotion) find(ctx context.Context, names []string) ([]*query.Pool, error) {
	topic := events.Topics{Prefix: p.from}.Events()
	there, err := p.conn.Cluster.Kafka().Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	var pools []*query.Pool
	if there > 0 {
		if pools, _, err = p.copies.Pools(ctx); err != nil {
			return nil, err
		}
	}
	if len(names) > 0 {
		all := map[string]*query.Pool{}
		for _, pool := range pools {
			all[string(pool.Pool)] = pool
		}
		pools = nil
		for _, name := range names {
			if all[name] == nil {
				return nil, &client.Refused{Code: client.CodeNoCopy, Message: fmt.Sprintf("%s tells of no pool %q", topic, name)}
			}
			pools = append(pools, all[name])
		}
	}
	p.of = map[int32]*eventlog.ReadOnlyError{}
	for _, pool := range pools {
		var of *eventlog.ReadOnlyError
		partition := events.PoolPartition(pool.Pool)
		err := p.copies.Writable(ctx, topic, partition)
		if !errors.As(err, &of) {
			return nil, cmp.Or(err, error(p.noCopy(topic)))
		}
		p.of[partition] = of
	}
	if len(pools) == 0 {
		return nil, p.noCopy(topic)
	}
	return pools, nil
}

func (p *promotion) noCopy(topic string) *client.Refused {
	return &client.Refused{Code: client.CodeNoCopy, Message: topic + ` is no copy of another site's log, or nothing was copied to it; mirror it first: spanway link apply NAME --source SITE --include 'spanway\.tasks\.events.*' --topic-prefix PREFIX`}
}

// origin is where the log of a pool was copied from.
func (p *promotion) origin(pool events.Pool) *eventlog.ReadOnlyError {
	return p.of[events.PoolPartition(pool)]
}

// place is the log of a pool, wherever it was read to.
func (p *promotion) place(pool events.Pool) string {
	of := p.origin(pool).Of
	return fmt.Sprintf("%s/%s/%d", of.Cluster, of.Topic, of.Partition)
}

// any is one of the origins: all partitions of a topic are copied by the same links.
func (p *promotion) any() (of *eventlog.ReadOnlyError) {
	for _, of = range p.of {
		break
	}
	return of
}

// close pauses the links that make the copy.
func (p *promotion) close(ctx context.Context) (err error) {
	links, err := p.app.PauseCopies(ctx, p.conn.Cluster, p.any(), p.dryRun, "pools are taken over by this site")
	for _, l := range links {
		p.source = l.Source
	}
	if p.links = cli.Unpaused(links); err != nil || p.app.JSON() {
		return err
	}
	paused := "is paused"
	if p.dryRun {
		paused = "would be paused"
	}
	for _, l := range p.links {
		if err := p.app.Printf("link %s %s\n", l, paused); err != nil {
			return err
		}
	}
	return nil
}

// take takes one pool over.
func (p *promotion) take(ctx context.Context, pool *query.Pool) (*takenPool, error) {
	own, err := p.conn.Pool(ctx, pool.Pool)
	if err != nil {
		return nil, err
	}
	t := &takenPool{Pool: string(pool.Pool), Of: fmt.Sprintf("%s@%d", p.place(pool.Pool), pool.AsOf.Offset), Ran: pool.Running, Links: p.links, DryRun: p.dryRun}
	if place, _, _ := strings.Cut(own.Imported, "@"); place == p.place(pool.Pool) && !own.Replaced {
		t.Of, t.Already = own.Imported, true
		return t, nil
	}
	if p.dryRun {
		t.Tasks = int64(pool.Waiting + pool.Running)
		return t, nil
	}
	const tries = 3 // One fails if a task is submitted here while it is imported.
	for n := 1; ; n++ {
		var refused *client.Refused
		err := p.hand(ctx, pool.Pool, t)
		if !errors.As(err, &refused) || refused.Code != events.CodeInUse || n == tries {
			return t, err
		}
	}
}

// hand hands over what the copy has of a pool.
func (p *promotion) hand(ctx context.Context, pool events.Pool, t *takenPool) error {
	defer p.app.Hint()()
	t.Known = 0
	then, err := p.copies.HandOver(ctx, query.HandOver{
		Pool: pool, ID: uuid.Must(uuid.NewV7()).String(), Place: p.place(pool), Reason: p.reason,
		Send: func(part *events.PoolImportRequested) error {
			known, err := p.conn.ImportPool(ctx, part)
			t.Known += int64(known)
			return err
		},
	})
	if err != nil {
		return err
	}
	done, err := p.conn.PromotePool(ctx, then)
	if err != nil {
		return err
	}
	t.Of, t.Tasks, t.Token = then.Of, done.GetTasks(), done.GetToken()
	return nil
}

func (p *promotion) print(t *takenPool) error {
	if p.app.JSON() {
		return p.app.Object(t)
	}
	tasks := fmt.Sprintf("%d tasks, %d of them known here", t.Tasks+t.Known, t.Known)
	switch {
	case t.Already:
		return p.app.Printf("pool %s: it was taken over before, as of %s\n", t.Pool, t.Of)
	case t.DryRun:
		return p.app.Printf("pool %s would be taken over: %d tasks, %d of them ran there, as of %s\n", t.Pool, t.Tasks, t.Ran, t.Of)
	}
	return p.app.Printf("pool %s is taken over: %s, %d ran there; tokens go on above %d, as of %s\n", t.Pool, tasks, t.Ran, t.Token, t.Of)
}
