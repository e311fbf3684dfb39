package serve

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// Doctor is the command doctor.
func Doctor(a *cli.App) *cobra.Command {
	var redis store.Config
	var tls cluster.TLS
	var role string
	var all bool
	look := doctor.Config{}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine brokers, topics, rights, groups, clocks and Redis; exit 1 if there is a problem",
		Long: `Look at what Spanway stands on, and say of each thing that is not as it should be what
to do. Nothing is changed, and no record is written.

  kafka.*     the versions and settings of brokers, how many there are
  topics.*    what is missing, has the wrong settings, too few replicas or no leader
  rights      what this principal may do; with --role, what that role lacks or has too much
  groups.*    services that are not there, and what nobody reads
  clocks      of engines, of schedulers that answer them and of the active controller,
              beside the clock of this host
  redis.*     with --redis: role, persistence, eviction, memory, clock
  disk        with --data: the room for an embedded broker

A finding is a problem (something does not work, or records may be lost now), a warning
(it works, and something may be lost or stand still later), unknown (it could not be
read), a note, or ok; without --all the latter are only counted. The exit code is 1 if
there is a problem, and 3 if no broker answers.`,
		Example: `  spanway doctor
  spanway doctor --role scheduler --user spanway-scheduler --password-file password
  spanway doctor --redis 127.0.0.1:6379 -o json`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			look.Prefix, look.Role = a.Prefix, events.Role(role)
			if given := cmd.Flags().Changed; len(redis.Addrs) == 0 && (given("redis") || given("redis-tls")) {
				return cli.Usage("--redis says where Redis is: give host:port, or leave --redis and --redis-tls out")
			}
			if given := cmd.Flags().Changed; given("data") {
				if _, err := os.Stat(look.Data); err != nil {
					return cli.Usage("--data: %v", err)
				}
			}
			if len(redis.Addrs) > 0 {
				if err := redisConfig(&redis, tls); err != nil {
					return err
				}
				look.Redis = &redis
			}
			return a.Clustered(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				store.LogTo(log)
				look.Kafka, look.Reach = c.Kafka(), func(ctx context.Context) error { return a.Answers(ctx, c) }
				facts := doctor.Gather(ctx, look)
				if err := ctx.Err(); err != nil {
					return err
				}
				return printFindings(a, doctor.Examine(facts), all, facts.Unreachable)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&role, "role", "", "judge the rights of this principal as those of a "+roleNames())
	f.DurationVar(&look.Listen, "listen", 3*time.Second, "for how long a heartbeat of an engine is awaited, to compare clocks; 0: not at all")
	f.StringVar(&look.Data, "data", "", "directory of an embedded broker, whose disk is looked at")
	f.BoolVar(&all, "all", false, "print also what is as it should be")
	redisFlags(f, &redis, &tls)
	cli.Lasting(f, 0, false, "listen")
	cli.Checked(f, "role", func(text string) error {
		if text != "" && !slices.Contains(events.Roles(), events.Role(text)) {
			return fmt.Errorf("give one of %s", roleNames())
		}
		return nil
	})
	return c
}

func roleNames() string {
	var names []string
	for _, r := range events.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// findingView is a finding as -o json prints it; the names are stable.
type findingView struct {
	Level    string   `json:"level"`
	Check    string   `json:"check"`
	Subjects []string `json:"subjects"`
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy,omitempty"`
}

func printFindings(a *cli.App, found []doctor.Finding, all bool, unreachable error) error {
	counts := map[doctor.Level]int{}
	for _, f := range found {
		counts[f.Level]++
		if f.Level == doctor.OK && !all {
			continue
		}
		v := findingView{f.Level.String(), f.Check, f.Subjects, f.Text, f.Remedy}
		if err := printFinding(a, f.Level, v); err != nil {
			return err
		}
	}
	if !a.JSON() {
		a.Printf("%s, %s, %d unknown, %s, %d as it should be\n", render.Count(counts[doctor.Problem], "problem", "problems"),
			render.Count(counts[doctor.Warning], "warning", "warnings"), counts[doctor.Unknown], render.Count(counts[doctor.Note], "note", "notes"), counts[doctor.OK])
	}
	if n := counts[doctor.Problem]; unreachable == nil && n > 0 {
		return &ailing{n}
	}
	return unreachable
}

func printFinding(a *cli.App, level doctor.Level, v findingView) error {
	if a.JSON() {
		return a.Object(v)
	}
	colours := map[doctor.Level]string{doctor.Problem: render.Red, doctor.Warning: render.Yellow, doctor.Unknown: render.Yellow}
	if err := a.Printf("%s  %s  %s\n  %s\n", a.Colour(colours[level], fmt.Sprintf("%-7s", v.Level)), v.Check, someOf(v.Subjects), v.Text); err != nil {
		return err
	}
	if v.Remedy == "" {
		return nil
	}
	return a.Printf("  do: %s\n", v.Remedy)
}

// someOf names the first of many subjects.
func someOf(subjects []string) string {
	const most = 3
	if more := len(subjects) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(subjects[:most], ", "), more)
	}
	return strings.Join(subjects, ", ")
}

// ailing says that there are problems.
type ailing struct{ problems int }

func (e *ailing) Error() string {
	return render.Count(e.problems, "problem was", "problems were") + " found"
}

// ExitCode implements what package cli asks of errors.
func (e *ailing) ExitCode() int { return cli.ExitRefused }
