package network

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// moment is a flag that names a moment of network.changes.
type moment struct{ text string }

// of adds the flag to a command, under a name; what says what the moment is of.
func (m *moment) of(c *cobra.Command, name, what string) {
	c.Flags().StringVar(&m.text, name, "", what+": behind a change (change/7), an offset (1841), a time (RFC 3339), or how long ago (10m)")
}

const changePrefix = "change/"

// check refuses what is no moment.
func (m *moment) check() error {
	if number, ok := strings.CutPrefix(m.text, changePrefix); ok {
		_, err := changeNumber(number)
		return err
	}
	_, err := query.ParseAt(m.text, time.Now())
	if err != nil {
		return cli.Misuse(err)
	}
	return nil
}

// networks are those of the moment; those of now if none is given.
func (m *moment) networks(ctx context.Context, q *query.Querier) (*query.Networks, error) {
	number, ok := strings.CutPrefix(m.text, changePrefix)
	if !ok {
		at, err := query.ParseAt(m.text, time.Now())
		if err != nil {
			return nil, cli.Misuse(err)
		}
		return q.NetworksAt(ctx, at)
	}
	change, err := changeNumber(number)
	if err != nil {
		return nil, err
	}
	return behind(ctx, q, change)
}

// behind are the networks as a change left them.
func behind(ctx context.Context, q *query.Querier, change uint64) (*query.Networks, error) {
	at, err := q.NetworkChangeAt(ctx, change)
	if err != nil {
		return nil, err
	}
	return q.NetworksAt(ctx, at)
}

// changeNumber reads the number of a change.
func changeNumber(text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return 0, cli.Usage("change %q: give its number, as spanway network history has it", text)
	}
	return number, nil
}

// errPast is why nothing is said of what stood at sites in the past.
var errPast = errors.New("of the past the log of the global manager alone tells")

// then are sites of which nothing is read.
func then(names []string) sites {
	all := sites{}
	for _, name := range names {
		all[name] = &reached{err: errPast}
	}
	return all
}

// of are the objects that are asked about: those of paths, and of those that are networks what is
// in them; all if no path is given.
func of(state *model.State, paths []string) map[model.Path]*model.Object {
	out := map[model.Path]*model.Object{}
	for _, o := range state.Objects() {
		if len(paths) == 0 || slices.Contains(paths, string(o.Path)) || slices.Contains(paths, string(o.Path.Network())) {
			out[o.Path] = o
		}
	}
	return out
}

// both are the paths of either side, sorted.
func both(a, b map[model.Path]*model.Object) []model.Path {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// between compares two moments.
func between(ctx context.Context, a *cli.App, from, to *moment, paths []string) error {
	return asked(ctx, a, func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
		then, err := from.networks(ctx, q)
		if err != nil {
			return err
		}
		now, err := to.networks(ctx, q)
		if err != nil {
			return err
		}
		before, after := of(then.Core.State(), paths), of(now.Core.State(), paths)
		var diffs []diff
		for _, p := range both(before, after) {
			diffs = append(diffs, difference(string(p), messageOf(before[p]), messageOf(after[p])))
		}
		return printDiffs(a, now, diffs)
	})
}

func revert(a *cli.App) *cobra.Command {
	do := &applying{}
	c := &cobra.Command{
		Use:   "revert CHANGE [PATH...]",
		Short: "Make objects what they were behind a change, by a change of its own",
		Long: `Make objects what a change left them as: those that have changed since are put back, those
that were deleted are there again, and those that came later are deleted, by one change. With
PATHs only these, and what is in them if they are networks. What they were is read from the
log, which must go back that far.

Nothing is reverted if what is not reverted with it refers to what would vanish, if something
that it refers to is not there, or if a site of its span is gone: every mistake is told. An
object that changes while this is decided is not overwritten (STALE_REVISION). To take one
change back and keep later ones, see withdraw.`,
		Example: `  spanway network revert 7 --dry-run
  spanway network revert 7 /networks/shop --reason 'the evening before'`,
		Args: cli.Some("number of a change"),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := changeNumber(args[0])
			if err != nil {
				return err
			}
			for _, err := range eachPath(args[1:]) {
				if err != nil {
					return err
				}
			}
			if do.reason == "" {
				do.reason = "revert to change " + args[0]
			}
			return told(a, do.changing(cmd.Context(), a, "revert to change "+args[0], func(ctx context.Context, q *query.Querier, n *query.Networks) (*plan, []mistake, error) {
				then, err := behind(ctx, q, change)
				if err != nil {
					return nil, nil, err
				}
				p, wrong := reverting(n, then, args[1:])
				return p, wrong, nil
			}))
		},
	}
	do.carrying(c)
	return c
}

// reverting is the plan to make objects what they were.
func reverting(n, then *query.Networks, paths []string) (p *plan, wrong []mistake) {
	p = &plan{request: &events.NetworkChangeRequested{}}
	before, now := of(then.Core.State(), paths), of(n.Core.State(), paths)
	for _, path := range paths {
		if before[model.Path(path)] == nil && now[model.Path(path)] == nil {
			wrong = append(wrong, mistake{Path: path, Code: events.CodeUnknownObject, Text: "it was not there as of " + then.AsOf.String() + ", and is not now"})
		}
	}
	for _, path := range both(before, now) {
		was, is := before[path], now[path]
		d := difference(string(path), messageOf(is), messageOf(was))
		switch {
		case d.Change == unchanged:
			continue
		case was == nil:
			p.delete(is)
		default:
			p.request.Objects = append(p.request.Objects, was.Message)
			p.diffs = append(p.diffs, d)
		}
		p.expect(string(path), revisionOf(is))
	}
	if len(wrong) == 0 && !p.empty() {
		wrong = p.check(n)
	}
	return p, wrong
}
