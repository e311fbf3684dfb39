package id

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/ids"
)

// wanting gives a command the flags of a want.
func wanting(c *cobra.Command, w *ids.Want) {
	c.Flags().StringVar(&w.RequestID, "request-id", "", "names the grant: the same again is the same grant, and an error once it has ended (default a fresh one)")
	c.Flags().StringVar(&w.Owner, "owner", "", "what holds the range: it is needed to renew or release it")
	c.Flags().DurationVar(&w.Lease, "lease", 0, "how long it is held unless it is renewed; 0: until it is released")
	named(c.Flags(), "request-id", "owner")
	cli.Lasting(c.Flags(), time.Millisecond, true, "lease")
}

// named makes flags take only what names something: one that is given is not empty.
func named(f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		cli.Checked(f, name, func(text string) error {
			if text == "" {
				return errors.New("it is empty: give a name, or leave the flag out")
			}
			return cli.CheckName(name, text)
		})
	}
}

func grant(a *cli.App) *cobra.Command {
	w := ids.Want{}
	c := &cobra.Command{
		Use:     "grant SPACE",
		Short:   "Take a contiguous range",
		Example: `  spanway id grant spi --count 4 --owner site-ams --request-id chain-7 -o json`,
		Args:    oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			w.Space = args[0]
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				g, err := c.Grant(ctx, w)
				if err != nil {
					return err
				}
				return printGrant(a, g)
			})
		},
	}
	c.Flags().Int64Var(&w.Count, "count", 1, "how many identifiers")
	cli.AtLeast(c.Flags(), 1, "count")
	wanting(c, &w)
	return c
}

func reserve(a *cli.App) *cobra.Command {
	w := ids.Want{}
	var from, to int64
	c := &cobra.Command{
		Use:   "reserve SPACE --from N [--to N]",
		Short: "Take given identifiers",
		Args:  oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.Space = args[0]; !cmd.Flags().Changed("from") {
				return cli.Usage("give the first identifier: --from")
			}
			if !cmd.Flags().Changed("to") {
				to = from
			}
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				g, err := c.Reserve(ctx, w, from, to)
				if err != nil {
					return err
				}
				return printGrant(a, g)
			})
		},
	}
	c.Flags().Int64Var(&from, "from", 0, "the first identifier")
	c.Flags().Int64Var(&to, "to", 0, "the last identifier (default the first)")
	cli.AtLeast(c.Flags(), 0, "from", "to")
	wanting(c, &w)
	return c
}

// held makes a command on a grant.
func held(a *cli.App, use, short string, flags func(*cobra.Command), do func(ctx context.Context, cmd *cobra.Command, c *ids.Client, g ids.Grant) error) *cobra.Command {
	var g ids.Grant
	c := &cobra.Command{
		Use:   use + " SPACE --request-id ID",
		Short: short,
		Args:  oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.Space = args[0]; g.RequestID == "" {
				return cli.Usage("give the --request-id of the grant")
			}
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				return do(ctx, cmd, c, g)
			})
		},
	}
	c.Flags().StringVar(&g.RequestID, "request-id", "", "of the grant")
	c.Flags().StringVar(&g.Owner, "owner", "", "under which it was granted")
	named(c.Flags(), "request-id", "owner")
	flags(c)
	return c
}

func renew(a *cli.App) *cobra.Command {
	var lease time.Duration
	c := held(a, "renew", "Set when the lease of a grant ends",
		func(c *cobra.Command) {
			c.Flags().DurationVar(&lease, "lease", 0, "how long from now, be it longer or shorter than before; 0: until it is released")
			cli.Lasting(c.Flags(), time.Millisecond, true, "lease")
		},
		func(ctx context.Context, _ *cobra.Command, c *ids.Client, g ids.Grant) error {
			g, err := c.Renew(ctx, g, lease)
			if err != nil {
				return err
			}
			return printRenewed(a, g, lease)
		})
	c.Use += " --lease DURATION"
	ask := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("lease") {
			return cli.Usage("give how long the grant is held from now: --lease (0: until it is released)")
		}
		return ask(cmd, args)
	}
	return c
}

func release(a *cli.App) *cobra.Command {
	var from, to int64
	return held(a, "release", "Give a grant back, or a part of it",
		func(c *cobra.Command) {
			c.Flags().Int64Var(&from, "from", 0, "the first identifier of the part (default all of it)")
			c.Flags().Int64Var(&to, "to", 0, "the last identifier of the part")
			cli.AtLeast(c.Flags(), 0, "from", "to")
		},
		func(ctx context.Context, cmd *cobra.Command, c *ids.Client, g ids.Grant) error {
			first, last := cmd.Flags().Changed("from"), cmd.Flags().Changed("to")
			said, err := "is released", error(nil)
			switch {
			case first != last:
				return cli.Usage("a part has a first and a last identifier: give --from and --to")
			case first:
				said, err = "gives a part back", c.ReleasePart(ctx, g, from, to)
			default:
				err = c.Release(ctx, g)
			}
			if err != nil {
				return err
			}
			return a.Said(map[string]any{"space": g.Space, "request_id": g.RequestID}, "%s %s", g.RequestID, said)
		})
}
