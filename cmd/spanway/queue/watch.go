package queue

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/queue"
)

// changeView is a change as -o json prints it; the names are stable.
type changeView struct {
	Change string `json:"change"`
	Offset int64  `json:"offset"`
	ID     string `json:"id,omitempty"`
	Seq    int64  `json:"seq,omitempty"`
	Token  string `json:"token,omitempty"`
	Holder string `json:"holder,omitempty"`
	// Until is when the lease ends at the earliest, of a claim that lasts.
	Until  string `json:"until,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// viewChange is of a change of the queue with that creation.
func viewChange(c queue.Change, creation uint64) changeView {
	v := changeView{Change: c.Kind.String(), Offset: c.Offset, ID: c.Entry.ID, Seq: c.Entry.Seq, Reason: c.Reason}
	if c.Token != 0 {
		v.Token = token{c.Token, creation}.String()
	}
	if c.Entry.Claim != nil {
		v.Holder = c.Entry.Claim.Holder
		if v.Token == "" {
			v.Token = token{c.Entry.Claim.Token, creation}.String()
		}
		if c.Kind == queue.WasClaimed || c.Kind == queue.WasExtended || c.Kind == queue.WasEnqueued {
			v.Until = cli.Stamp(c.Entry.Claim.UntilMs)
		}
	}
	return v
}

func watch(a *cli.App) *cobra.Command {
	var after int64
	c := &cobra.Command{
		Use:   "watch NAME",
		Short: "Print the entries, and then each change as it happens",
		Long: `Print the entries, and then each change as it happens, until it is interrupted. If
the queue is deleted, the last line says so ("deleted"), and the exit code is 1: a queue
that is created under its name later is another one.`,
		Args: cli.One("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if after < -1 {
				return cli.Usage("--after %d: give 0 or more", after)
			}
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				a.Watching()
				return q.Watch(ctx, after, func(c queue.Change) error { return printChange(a, viewChange(c, q.Creation())) })
			})
		},
	}
	c.Flags().Int64Var(&after, "after", -1, "entries behind this sequence number")
	return c
}

func printChange(a *cli.App, v changeView) error {
	if a.JSON() {
		return a.Object(v)
	}
	text := ""
	switch {
	case v.Holder == "":
	case v.Change == queue.WasEnqueued.String(): // It is one of those that watch begins with.
		text += "  held by " + v.Holder
	default:
		text += "  by " + v.Holder
	}
	if v.Until != "" {
		text += "  until " + v.Until
	}
	if v.Reason != "" {
		text += "  " + v.Reason
	}
	return a.Printf("%10d  %-12s  %s%s\n", v.Offset, v.Change, v.ID, text)
}
