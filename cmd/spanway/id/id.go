package id

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
)

// Command is the noun id.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("id", "Ranges of identifiers that are never granted twice",
		create(a), list(a), show(a), watch(a), grant(a), reserve(a), renew(a), release(a), grow(a), remaining(a))
}

// oneSpace says that a command takes the name of a space.
func oneSpace(cmd *cobra.Command, args []string) error {
	if err := cli.One("name of a space")(cmd, args); err != nil {
		return err
	}
	return cli.CheckID("the space", args[0])
}

// asking runs f with a client of allocators, about a space.
func asking(ctx context.Context, a *cli.App, space string, f func(ctx context.Context, c *ids.Client) error) error {
	err := a.ClusteredFor(ctx, events.Topics{Prefix: a.Prefix}.IDEvents(), func(ctx context.Context, at *cluster.Cluster) error {
		c, err := ids.New(ids.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source()})
		if err != nil {
			return cli.Misuse(err)
		}
		defer c.Close()
		return f(ctx, c)
	})
	return errors.Join(err, printRefusal(a, space, err))
}

// reading runs f with a cluster that has the log of identifiers; space is empty of all.
func reading(ctx context.Context, a *cli.App, space string, f func(context.Context, *cli.Conn) error) error {
	err := a.ConnectedFor(ctx, events.Topics{Prefix: a.Prefix}.IDEvents(), f)
	return errors.Join(err, printRefusal(a, space, err))
}

func create(a *cli.App) *cobra.Command {
	r := ids.Rules{}
	c := &cobra.Command{
		Use:   "create SPACE --from N --to N",
		Short: "Declare a space of identifiers",
		Long: `Declare a space: its first and last identifier, how long a released range rests
before it is granted again, and how many one grant may have. A space that exists
with the same rules is no error. Names such as spi are free to choose; service
path identifiers have 24 bits: --from 1 --to 16777215.`,
		Args: oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Space = args[0]; !cmd.Flags().Changed("to") {
				return cli.Usage("give the last identifier: --to")
			}
			if r.Quarantine == 0 {
				r.Quarantine = -1 // None, which 0 is here and not there.
			}
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				if err := c.Create(ctx, r); err != nil {
					return err
				}
				return a.Said(map[string]any{"space": r.Space}, "space %s", r.Space)
			})
		},
	}
	f := c.Flags()
	f.Int64Var(&r.From, "from", 1, "the first identifier")
	f.Int64Var(&r.To, "to", 0, "the last identifier, at most 9007199254740991")
	f.DurationVar(&r.Quarantine, "quarantine", time.Hour, "how long a released range rests; 0: not at all")
	f.Int64Var(&r.MaxCount, "max", 65_536, "how many identifiers one grant may have")
	cli.AtLeast(f, 0, "from", "to")
	cli.AtLeast(f, 1, "max")
	cli.Lasting(f, time.Millisecond, true, "quarantine")
	return c
}

func grow(a *cli.App) *cobra.Command {
	var to int64
	c := &cobra.Command{
		Use:   "grow SPACE --to N",
		Short: "Move the end of a space",
		Args:  oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("to") {
				return cli.Usage("give the last identifier: --to")
			}
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				if err := c.Grow(ctx, args[0], to); err != nil {
					return err
				}
				return a.Said(map[string]any{"space": args[0], "to": to}, "space %s goes to %d", args[0], to)
			})
		},
	}
	c.Flags().Int64Var(&to, "to", 0, "the last identifier, at most 9007199254740991")
	cli.AtLeast(c.Flags(), 0, "to")
	return c
}

// remaining is delete, a word of the language.
func remaining(a *cli.App) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "delete SPACE",
		Short: "End a space",
		Args:  oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			return asking(cmd.Context(), a, args[0], func(ctx context.Context, c *ids.Client) error {
				if err := c.Delete(ctx, args[0], force); err != nil {
					return err
				}
				return a.Said(map[string]any{"space": args[0], "deleted": true}, "space %s is deleted", args[0])
			})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also if ranges of it are held")
	return c
}
