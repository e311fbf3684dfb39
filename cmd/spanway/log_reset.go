package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// resetView is what a reset did as -o json prints it.
type resetView struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Reason    string `json:"reason,omitempty"`
}

func (a *app) logReset() *cobra.Command {
	var accept bool
	var partition int32
	var reason string
	c := &cobra.Command{
		Use:   "reset --accept-loss --partition N",
		Short: "Go on with an empty state where the beginning of tasks.events is gone and no snapshot is left",
		Long: `Accept that the state of one partition of tasks.events is lost: its beginning
was deleted, and no usable snapshot takes its place. Tasks that had not ended are
forgotten, and so is which tasks there ever were: submitted again under its old
ID, a task runs again. Engines register anew by themselves. The log itself says
from then on that this was done, and why.

It refuses with NOT_LOST where the log can be folded. Stop nothing for it; but
first restore the topics from a copy if you have one.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !accept:
				return usage("this cannot be undone: give --accept-loss if the state of the partition is to be given up")
			case partition < 0 || partition >= events.PoolPartitions:
				return usage("partition %d: give --partition N, 0 to %d", partition, events.PoolPartitions-1)
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				r, err := c.ResetLog(ctx, partition, instance(), reason)
				if err != nil {
					return err
				}
				topic := c.Topics().Events()
				if a.json() {
					return a.object(resetView{topic, r.Partition, r.Start, r.End, reason})
				}
				fmt.Fprintf(a.out, "%s/%d held [%d, %d): what came before %d is lost, and what it still held has no effect any more\n",
					topic, r.Partition, r.Start, r.End, r.Start)
				fmt.Fprintln(a.out, "it goes on with an empty state; submit again what must be done")
				return nil
			})
		},
	}
	c.Flags().BoolVar(&accept, "accept-loss", false, "yes, give the state up")
	c.Flags().Int32Var(&partition, "partition", -1, "partition of tasks.events")
	c.Flags().StringVar(&reason, "reason", "", "why, for those who read the log later")
	return c
}
