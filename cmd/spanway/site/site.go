package site

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
)

// Command is the noun site.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("site", "The sites that logical networks span, and how they stand", add(a), list(a), show(a), resync(a), retire(a))
}

// oneSite says that a command takes the name of a site.
func oneSite(cmd *cobra.Command, args []string) error {
	if err := cli.One("name of a site")(cmd, args); err != nil {
		return err
	}
	return network.CheckSite(args[0])
}

// asking runs f with a client of the global manager, about a site.
func asking(ctx context.Context, a *cli.App, site string, f func(ctx context.Context, c *networks.Client) error) error {
	return asked(ctx, a, site, func(ctx context.Context, at *cluster.Cluster, _ *query.Querier) error {
		c, err := networks.New(networks.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source()})
		if err != nil {
			return cli.Misuse(err)
		}
		return f(ctx, c)
	})
}

// asked runs f with the log of a global manager. With -o json refusals are printed.
func asked(ctx context.Context, a *cli.App, site string, f func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error) error {
	err := a.Asked(ctx, events.Topics{Prefix: a.Prefix}.NetworkChanges(), f)
	if v, refused := refusalOf(site, err); a.JSON() && refused {
		return errors.Join(err, a.Object(v))
	}
	return err
}

// refusal is a command that was refused, as -o json prints it; the names are stable.
type refusal struct {
	Site string      `json:"site,omitempty"`
	Code events.Code `json:"code"`
	Text string      `json:"text"`
	// Objects are in the way, of SITE_IN_USE: the first hundred.
	Objects []string `json:"objects,omitempty"`
}

func refusalOf(site string, err error) (v refusal, refused bool) {
	var byManager *networks.Refused
	var copied *eventlog.ReadOnlyError
	switch {
	case errors.As(err, &byManager):
		v = refusal{Site: site, Code: byManager.Code, Text: byManager.Text}
		for _, m := range byManager.Mistakes {
			if m.Path != "" {
				v.Objects = append(v.Objects, m.Path)
			}
		}
		return v, true
	case errors.As(err, &copied):
		return refusal{Site: site, Code: events.CodeReadOnlyMirror, Text: copied.Error()}, true
	}
	return v, false
}

func add(a *cli.App) *cobra.Command {
	site := network.Site{}
	c := &cobra.Command{
		Use:   "add NAME [--label NAME=VALUE,...]",
		Short: "Add a site, or give one other labels",
		Long: `Add a site to those that logical networks span: it gets a full sync of all that its
labels and name select. Of a site that is there the labels are replaced, all of them, and
what it must have follows.

A local manager of that name realises there what it gets (spanway serve manager --role
local); until one does, what it must have waits in its queue.`,
		Example: `  spanway site add ams --label region=eu,tier=core`,
		Args:    oneSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := network.CheckLabels(site.Labels); err != nil {
				return cli.Misuse(err)
			}
			site.Name = args[0]
			return asking(cmd.Context(), a, site.Name, func(ctx context.Context, c *networks.Client) error {
				if err := c.AddSite(ctx, site); err != nil {
					return err
				}
				return a.Said(map[string]any{"site": site.Name, "labels": cli.NonNil(site.Labels)}, "site %s: %s", site.Name, cli.Dash(labels(site.Labels)))
			})
		},
	}
	cli.Pairs(c.Flags(), &site.Labels, "label", "labels of the site, by which spans select it: NAME=VALUE,...")
	return c
}

// labels are all labels of a site, for people.
func labels(of map[string]string) (text string) {
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if text != "" {
			text += ","
		}
		text += k + "=" + of[k]
	}
	return text
}

func resync(a *cli.App) *cobra.Command {
	var reason string
	var abort bool
	c := &cobra.Command{
		Use:   "resync NAME",
		Short: "Order a full sync of a site: all that it must have is sent anew",
		Long: `Order a full sync of a site: all that it must have is sent anew, what it has besides
is swept, and the site's own objects are left alone. What is realised and is as it must be
is not realised again.

--abort gives up one that was asked for so. One that is needed cannot be given up.`,
		Args: oneSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *networks.Client) error {
				if abort {
					ended, err := c.AbortResync(ctx, args[0], reason)
					if err != nil {
						return err
					}
					return a.Said(map[string]any{"site": args[0], "sync": ended.Sync, "aborted": true}, "full sync %d of site %s is given up", ended.Sync, args[0])
				}
				ordered, err := c.Resync(ctx, args[0], reason)
				if err != nil {
					return err
				}
				return a.Said(map[string]any{"site": args[0], "sync": ordered.Sync, "reason": ordered.Reason}, "full sync %d of site %s is ordered", ordered.Sync, args[0])
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	c.Flags().BoolVar(&abort, "abort", false, "give up the one that was asked for")
	cli.Names(c.Flags(), "reason")
	return c
}

func retire(a *cli.App) *cobra.Command {
	var force, keep bool
	c := &cobra.Command{
		Use:   "retire NAME",
		Short: "Take a site out, with its queue, links and identifiers; refused while objects are there",
		Long: `Take a site out of those that logical networks span. While objects are there it is
refused, and lists them: take the site out of their spans first. With --force it is taken
out all the same; what its local manager has realised stays there.

With it go its queue, the links that copy from it to this cluster (what was copied stays),
and the identifiers of this cluster whose owner is the name of the site. --keep leaves links
and identifiers.`,
		Args: oneSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			return asked(cmd.Context(), a, args[0], func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error {
				c, err := networks.New(networks.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source()})
				if err != nil {
					return cli.Misuse(err)
				}
				retired, err := c.RetireSite(ctx, args[0], force)
				if err != nil {
					return inUse(args[0], err)
				}
				left := leftovers{a: a, at: at, q: q, site: args[0]}
				if keep {
					return left.tell(retired.Objects, nil, nil)
				}
				return left.remove(ctx, retired.Objects)
			})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also if objects are there")
	c.Flags().BoolVar(&keep, "keep", false, "leave the links that copy from it, and the identifiers that it owns")
	return c
}

// inUseError is the refusal to retire a site, with what is there.
type inUseError struct {
	site string
	*networks.Refused
}

func (e *inUseError) Error() string {
	text := "retire site " + e.site + ": " + string(e.Code) + ": objects are there; take the site out of their spans, or give --force:"
	for _, m := range e.Mistakes {
		text += "\n  " + m.Path
	}
	if len(e.Mistakes) == network.MaxMistakes {
		text += "\n  and maybe more: see spanway site show " + e.site
	}
	return text
}

func (e *inUseError) Unwrap() error { return e.Refused }

func inUse(site string, err error) error {
	var refused *networks.Refused
	if errors.As(err, &refused) && refused.Code == events.CodeSiteInUse {
		return &inUseError{site, refused}
	}
	return err
}
