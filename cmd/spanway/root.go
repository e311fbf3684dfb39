package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// streams are what a process reads from and writes to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// app is one call of the program.
type app struct {
	streams
	brokers string
	prefix  string
	site    string
	output  string
	// entered: the command itself ran, so that an error is no mistake in its call.
	entered bool
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	a := &app{streams: s}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	called, err := root.ExecuteContextC(ctx)
	if err != nil && !a.entered {
		err = &usageError{err}
	}
	if err != nil {
		fmt.Fprintf(s.err, "spanway: %s\n", strings.TrimSpace(err.Error()))
	}
	if exitCode(err) == exitUsage {
		fmt.Fprintf(s.err, "see \"%s --help\"\n", called.CommandPath())
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "spanway",
		Short:         "Tasks placed by predicate and capacity on engines, over Kafka logs that prove every step",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output != "table" && a.output != "json" {
				return usage("output %q: give -o table or -o json", a.output)
			}
			a.entered = true
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&a.brokers, "brokers", env("BROKERS", "127.0.0.1:29092"), "Kafka brokers, host:port,... (SPANWAY_BROKERS)")
	f.StringVar(&a.prefix, "prefix", env("PREFIX", events.DefaultPrefix), "prefix of the topics (SPANWAY_PREFIX)")
	f.StringVar(&a.site, "site", env("SITE", "local"), "name of this site (SPANWAY_SITE)")
	f.StringVarP(&a.output, "output", "o", "table", "table or json (one object, or one a line)")
	root.AddCommand(
		a.devCommand(), a.serveCommand(), a.healthcheckCommand(),
		a.taskCommand(), a.engineCommand(), a.poolCommand(), a.logCommand(), a.traceCommand(),
		a.verifyCommand(), a.benchCommand(), a.versionCommand(),
	)
	return root
}

// noun is a command that only groups verbs.
func noun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				cmd.SetOut(cmd.ErrOrStderr())
				return errors.Join(cmd.Help(), usage("%q needs a verb: %s", cmd.CommandPath(), strings.Join(names(verbs), ", ")))
			}
			return usage("unknown verb %q; %q has: %s", args[0], cmd.CommandPath(), strings.Join(names(verbs), ", "))
		},
	}
	c.AddCommand(verbs...)
	return c
}

func names(verbs []*cobra.Command) []string {
	out := make([]string, len(verbs))
	for i, v := range verbs {
		out[i] = v.Name()
	}
	return out
}

func (a *app) brokerList() []string {
	var out []string
	for b := range strings.SplitSeq(a.brokers, ",") {
		if b = strings.TrimSpace(b); b != "" {
			out = append(out, b)
		}
	}
	return out
}

// cluster opens the connection that the flags describe, for a part of this process.
func (a *app) cluster(part string) (*cluster.Cluster, error) {
	c, err := cluster.Open(cluster.Config{Brokers: a.brokerList(), ClientID: "spanway-" + part})
	if err != nil {
		return nil, &usageError{err}
	}
	return c, nil
}

// conn is what a command may do and ask: both use one connection.
type conn struct {
	*client.Client
	*query.Querier
}

// connected runs f with brokers that answer.
func (a *app) connected(ctx context.Context, f func(context.Context, *conn) error) error {
	at, err := a.cluster("cli")
	if err != nil {
		return err
	}
	defer at.Close()
	source := "/spanway/" + a.site + "/cli"
	c, err := client.New(client.Config{Cluster: at, Prefix: a.prefix, Source: source})
	if err != nil {
		return &usageError{err}
	}
	err = c.Check(ctx)
	if err == nil {
		q := query.New(query.Config{Logs: at, Prefix: a.prefix, Encoder: events.Encoder{Source: source}})
		err = f(ctx, &conn{c, q})
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, c.Close(closing))
}

func (a *app) json() bool { return a.output == "json" }
