package log

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
)

// forever is a count of records that is never reached.
const forever int64 = -1

// errEnough ends a tail after the records that were asked for.
var errEnough = errors.New("enough")

func tail(a *cli.App) *cobra.Command {
	var last int64
	var follow, fromStart bool
	c := &cobra.Command{
		Use:   "tail TOPIC[/PARTITION[@OFFSET]]",
		Short: "Print the last records of a topic as JSON, and those to come with --follow",
		Long: `Print records as they stand in a topic, decoded. On tasks.events each record
is judged: those that do not count for any reader are marked with x (with
-o json: "counts": false).`,
		Args: cli.One("topic"),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := parsePlace(a, args[0])
			if err != nil {
				return err
			}
			if last < 0 {
				return cli.Usage("--lines %d: give 0 or more", last)
			}
			left := forever
			if cmd.Flags().Changed("lines") {
				if fromStart && place.Offset < 0 {
					return cli.Usage("--lines with --from-start: give one of the two, or where to begin, as in %s/0@0", args[0])
				}
				if place.Offset >= 0 || fromStart {
					left = last
				}
			}
			if left == 0 {
				return nil
			}
			return present(cmd.Context(), a, func(ctx context.Context, c *cli.Conn) error {
				partitions, err := partitionsOf(ctx, c, place)
				if err != nil {
					return err
				}
				cfg := query.TailConfig{Topic: place.Topic, Partitions: partitions, Last: last, From: place.Offset, Follow: follow, Rewound: a.Rewound}
				if fromStart {
					cfg.From = 0
				}
				err = c.Tail(ctx, cfg, func(r query.TailRecord) error {
					v := viewRecord(r.Topic, r.Partition, r.Record)
					if r.Judged {
						v.Counts = &r.Counts
					}
					if err := printRecord(a, v); err != nil {
						return err
					}
					if left--; left == 0 {
						return errEnough
					}
					return nil
				})
				switch {
				case errors.Is(err, errEnough):
					return nil
				case err == nil && follow: // It was interrupted, as any command that goes on.
					return ctx.Err()
				}
				return err
			})
		},
	}
	c.Flags().Int64VarP(&last, "lines", "n", 10, "how many records: of each partition from its end, or from @OFFSET on (default all from there)")
	c.Flags().BoolVar(&fromStart, "from-start", false, "all records that are kept")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	return c
}

func printRecord(a *cli.App, v recordView) error {
	if a.JSON() {
		return a.Object(v)
	}
	return a.Printf("%s\n", recordLine(v))
}
