package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/queue"
)

func remove(a *cli.App) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "remove NAME ID...",
		Short: "Take entries out, wherever they stand; of many who try, one does",
		Args:  cli.Some("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return cli.Usage("give the IDs of the entries that are to be removed")
			}
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				return cli.Each(args[1:], func(id string) error {
					if err := q.Remove(ctx, id, reason); err != nil {
						return err
					}
					return a.Said(map[string]any{"queue": args[0], "id": id, "removed": true}, "%s is removed", id)
				})
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	return c
}

// claimedView is what claim prints; the names are stable.
type claimedView struct {
	Token string `json:"token"`
	Until string `json:"until"`
	entryView
}

func claim(a *cli.App) *cobra.Command {
	r := queue.Request{}
	var holder string
	c := &cobra.Command{
		Use:   "claim NAME [ID]...",
		Short: "Lease entries: the first that are free, or those with these IDs",
		Long: `Lease entries to this caller and print them with what they hold. Nobody else is
given them while the lease lasts. Finish one with "spanway queue done", give it
back with "release"; both want its token, which is of this queue and of no other one of
its name. When the lease ends it can be claimed again. The lease is
measured by the hosts of the queue: while there is none, it does not end.`,
		Example: `  spanway queue claim orders --lease 5m -o json`,
		Args:    cli.Some("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.IDs = args[1:]
			switch {
			case len(r.IDs) > 0 && cmd.Flags().Changed("count"):
				return cli.Usage("--count is of the first that are free; give it, or IDs")
			case len(r.IDs) > 0:
				r.Count = 0
			case r.Count < 1:
				return cli.Usage("--count %d: give 1 to 1000", r.Count)
			case holder == "":
				return cli.Usage("--holder is empty: give the name under which they are held, or leave --holder out")
			}
			return openedAs(cmd.Context(), a, args[0], holder, func(ctx context.Context, q *queue.Queue) error {
				return printClaimed(ctx, a, q, r)
			})
		},
	}
	c.Flags().StringVar(&holder, "holder", cli.Instance(), "the name under which they are held, for people")
	cli.Names(c.Flags(), "holder")
	c.Flags().DurationVar(&r.Lease, "lease", time.Minute, "how long, 1ms to 1d")
	c.Flags().IntVar(&r.Count, "count", 1, "how many at most, 1 to 1000")
	c.Flags().BoolVar(&r.Wait, "wait", false, "wait until one is free")
	return c
}

func printClaimed(ctx context.Context, a *cli.App, q *queue.Queue, r queue.Request) error {
	got, err := q.Claim(ctx, r)
	if err != nil {
		return err
	}
	var views []claimedView
	for _, e := range got.Entries {
		p, err := q.Payload(ctx, e)
		if err != nil { // It is claimed all the same: its token must not be lost.
			a.Notef("%v\n", err)
		}
		v := claimedView{Token: token{got.Token, q.Creation()}.String(), Until: cli.Stamp(got.Until.UnixMilli()), entryView: viewEntry(e, q.Creation())}
		v.Claim, v.payloadView = nil, viewPayload(p)
		views = append(views, v)
	}
	return printClaims(a, views)
}

func printClaims(a *cli.App, views []claimedView) error {
	t := &cli.Table{Head: []string{"ID", "SEQ", "TOKEN", "UNTIL", "PAYLOAD"}}
	for _, v := range views {
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.ID), cli.Plain(v.Seq), cli.Plain(v.Token), cli.Plain(v.Until), cli.Plain(v.text()))
	}
	if a.JSON() {
		return nil
	}
	return a.Table(t)
}

// held makes a command on an entry that the caller has claimed.
func held(a *cli.App, use, short string, flags func(*cobra.Command), do func(ctx context.Context, q *queue.Queue, id string, token int64) (until time.Time, said string, err error)) *cobra.Command {
	var given string
	c := &cobra.Command{
		Use:   use + " NAME ID --token TOKEN",
		Short: short,
		Args:  cli.Some("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage("give the name of a queue and the ID of one entry")
			}
			if !cmd.Flags().Changed("token") {
				return cli.Usage("give the --token that claim printed")
			}
			claim, _ := parseToken(given) // The flag takes no other.
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				if err := claim.of(q.Creation(), args[0], fmt.Sprintf("%s %.99q", use, args[1])); err != nil {
					return err
				}
				until, said, err := do(ctx, q, args[1], claim.number)
				if err != nil {
					return err
				}
				v := map[string]any{"queue": args[0], "id": args[1], "token": given}
				if !until.IsZero() {
					v["until"] = cli.Stamp(until.UnixMilli())
				}
				return a.Said(v, "%s %s", args[1], said)
			})
		},
	}
	c.Flags().StringVar(&given, "token", "", "the token that claim printed")
	cli.Checked(c.Flags(), "token", func(text string) error {
		_, err := parseToken(text)
		return err
	})
	if flags != nil {
		flags(c)
	}
	return c
}

func done(a *cli.App) *cobra.Command {
	return held(a, "done", "Take a claimed entry out: its work is finished", nil,
		func(ctx context.Context, q *queue.Queue, id string, token int64) (time.Time, string, error) {
			return time.Time{}, "is done", q.Done(ctx, id, token)
		})
}

func release(a *cli.App) *cobra.Command {
	var reason string
	return held(a, "release", "Give a claimed entry back, at its place",
		func(c *cobra.Command) { c.Flags().StringVar(&reason, "reason", "", "why, for people") },
		func(ctx context.Context, q *queue.Queue, id string, token int64) (time.Time, string, error) {
			return time.Time{}, "is free again", q.Release(ctx, id, token, reason)
		})
}

func extend(a *cli.App) *cobra.Command {
	var lease time.Duration
	return held(a, "extend", "Make the lease of a claimed entry end later",
		func(c *cobra.Command) {
			c.Flags().DurationVar(&lease, "lease", time.Minute, "how long from now, 1ms to 1d")
		},
		func(ctx context.Context, q *queue.Queue, id string, token int64) (time.Time, string, error) {
			until, err := q.Extend(ctx, id, token, lease)
			return until, "is leased until " + cli.Stamp(until.UnixMilli()), err
		})
}
