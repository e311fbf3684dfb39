package queue

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

func create(a *cli.App) *cobra.Command {
	var rules queue.Rules
	var ids string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a queue: its topics and its rules",
		Long: `Create a queue. One that exists with the same rules is no error. The kind of its
IDs decides how it remembers what was taken out, so that nothing comes back:
any text (16 bytes for each, for ever), UUIDs of version 7 (for a day; older
ones are refused), numbers of a space of identifiers (as intervals), or a sequence:
TERM-NUMBER, each number once and in order, under terms that do not fall (the last
one is all that it remembers).`,
		Args: cli.One("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules.IDs = kinds[ids]
			if err := checkBounds(rules); err != nil {
				return err
			}
			if err := events.CheckQueue(args[0]); err != nil {
				return cli.Misuse(err)
			}
			return clustered(cmd.Context(), a, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				if err := checkSpace(ctx, a, c, args[0], rules); err != nil {
					return err
				}
				if err := queue.Create(ctx, c, args[0], rules, options(a, log)); err != nil {
					return err
				}
				return a.Said(map[string]any{"queue": args[0]}, "queue %s", args[0])
			})
		},
	}
	f := c.Flags()
	bounds(f, &rules)
	f.StringVar(&ids, "ids", "any", "what the IDs of entries are")
	cli.Choices(f, "ids", "any", "uuidv7", "space", "sequence")
	f.StringVar(&rules.Space, "space", "", "the space of identifiers, with --ids space")
	return c
}

// bounds are the flags of the rules that can change.
func bounds(f *pflag.FlagSet, rules *queue.Rules) {
	f.Int64Var(&rules.MaxEntries, "max-entries", 0, "how many entries it may hold (default 10,000,000)")
	f.Int64Var(&rules.MaxBytes, "max-bytes", 0, "how many bytes of payloads and IDs (default 64 GiB)")
	f.Int64Var(&rules.MaxEntryBytes, "max-entry-bytes", 0, "how many bytes a payload may have (default 256 KiB, which is the most)")
}

func checkBounds(rules queue.Rules) error {
	if rules.MaxEntries < 0 || rules.MaxBytes < 0 || rules.MaxEntryBytes < 0 {
		return cli.Usage("a bound is below 0; give 1 or more, or 0 for its default")
	}
	return nil
}

func configure(a *cli.App) *cobra.Command {
	var asked queue.Rules
	c := &cobra.Command{
		Use:   "configure NAME",
		Short: "Change how much a queue may hold",
		Long: `Change how much a queue may hold; bounds that are not given stay as they are, and 0 is
the default. What the queue holds stays: if it is more than it may hold, it takes no more
until enough is taken out. The kind of its IDs cannot change.`,
		Example: `  spanway queue configure orders --max-entries 20000000`,
		Args:    cli.One("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed
			if !given("max-entries") && !given("max-bytes") && !given("max-entry-bytes") {
				return cli.Usage("give what is to change: --max-entries, --max-bytes or --max-entry-bytes")
			}
			if err := checkBounds(asked); err != nil {
				return err
			}
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				i, err := q.Info(ctx, true)
				if err != nil {
					return err
				}
				rules := i.Rules
				for name, bound := range map[string]*int64{"max-entries": &rules.MaxEntries, "max-bytes": &rules.MaxBytes, "max-entry-bytes": &rules.MaxEntryBytes} {
					if given(name) {
						*bound, _ = cmd.Flags().GetInt64(name) // It is one.
					}
				}
				if err := q.Configure(ctx, rules); err != nil {
					return err
				}
				if i, err = q.Info(ctx, true); err != nil {
					return err
				}
				return printQueue(a, viewQueue(a, args[0], i, q.Creation()))
			})
		},
	}
	bounds(c.Flags(), &asked)
	return c
}

// remaining is delete, a word of the language.
func remaining(a *cli.App) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a queue and its topics",
		Long:  `Delete a queue for all hosts, and its topics with all that they hold.`,
		Args:  cli.One("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				if err := q.Delete(ctx, force); err != nil {
					return err
				}
				return a.Said(map[string]any{"queue": args[0], "deleted": true}, "queue %s is deleted", args[0])
			})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also if it holds entries")
	return c
}
