package log

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
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

func reset(a *cli.App) *cobra.Command {
	var accept bool
	var reason string
	c := &cobra.Command{
		Use:     "reset LOG/PARTITION --accept-loss",
		Short:   "Go on with an empty state where the beginning of an owned log is gone and no snapshot is left",
		Example: "  spanway log reset tasks.events/3 --accept-loss --reason \"the disk of broker 2\"",
		Long: `Accept that the state of one partition of an owned log is lost: its beginning
was deleted, and no usable snapshot takes its place. Of tasks.events this means:
tasks that had not ended are forgotten, and so is which tasks there ever were:
submitted again under its old ID, a task runs again. Engines register anew by
themselves. The log itself says from then on that this was done, and why.

It refuses with NOT_LOST where the log can be folded. Stop nothing for it; but
first restore the topics from a copy if you have one.`,
		Args: cli.One("partition of a log"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, place, err := resettable(a, args[0])
			switch {
			case err != nil:
				return err
			case !accept:
				return cli.Usage("this cannot be undone: give --accept-loss if the state of the partition is to be given up")
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				r, err := c.ResetLog(ctx, log, place.Partition, cli.Instance(), reason)
				if err != nil {
					return err
				}
				if a.JSON() {
					return a.Object(resetView{place.Topic, r.Partition, r.Start, r.End, reason})
				}
				a.Printf("%s/%d held [%d, %d): what came before %d is lost, and what it still held has no effect any more\n",
					place.Topic, r.Partition, r.Start, r.End, r.Start)
				a.Printf("it goes on with an empty state; submit again what must be done\n")
				return nil
			})
		},
	}
	c.Flags().BoolVar(&accept, "accept-loss", false, "yes, give the state up")
	c.Flags().StringVar(&reason, "reason", "", "why, for those who read the log later")
	return c
}

// resettable reads which partition of which owned log is meant.
func resettable(a *cli.App, text string) (events.Log, events.Place, error) {
	place, err := parsePlace(a, text)
	if err != nil {
		return events.Log{}, place, err
	}
	topics := events.Topics{Prefix: a.Prefix}
	log, known := topics.Log(place.Topic)
	switch {
	case !known || log.Kind != events.OwnedLog:
		err = cli.Usage("%s is not an owned log of Spanway; these are: %s", place.Topic, strings.Join(ownedLogs(topics), ", "))
	case place.Offset >= 0 || !log.Has(place.Partition):
		err = cli.Usage("say which partition of %s, 0 to %d, as in %s/3", log.Topic, log.Partitions-1, log.Topic)
	}
	return log, place, err
}

func ownedLogs(topics events.Topics) (names []string) {
	for _, log := range topics.Catalogue() {
		if log.Kind == events.OwnedLog {
			names = append(names, log.Topic)
		}
	}
	return names
}
