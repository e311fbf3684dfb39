package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Streams are what a process reads from and writes to. Out and Err are each written by
// one goroutine at a time, and not any more when Execute has returned; if they are one,
// it must be safe for concurrent use.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// App is one call of the program.
type App struct {
	In io.Reader
	// Err is for text for people: it is escaped for a terminal.
	Err        io.Writer
	err        *ordered // beneath Err
	out        *output
	ctx        context.Context // of the call
	connection Connection
	// Target is where the command goes; Prefix and Site are its.
	Target Target
	Prefix string
	Site   string
	output string
	// entered: the command itself ran, so that an error is no mistake in its call.
	entered bool
}

// NewApp makes what a call prints and reads with; Execute does the rest.
func NewApp(s Streams) *App {
	err := &ordered{to: s.Err}
	return &App{In: s.In, Err: printed{err}, err: err, out: &output{to: s.Out}}
}

// end closes what the call writes to: goroutines that are not waited for, such as timers,
// may still want to say something.
func (a *App) end() {
	a.out.end()
	a.err.end()
}

// Command makes a command: a noun with its verbs, or one that stands alone.
type Command func(a *App) *cobra.Command

// Execute runs one command line of a program that has these commands, and returns
// the exit code.
func Execute(ctx context.Context, args []string, s Streams, commands ...Command) int {
	ctx, done := context.WithCancel(ctx)
	defer done()
	s.In = newInput(ctx, s.In)
	a := NewApp(s)
	defer a.end()
	a.ctx = ctx
	root := a.root(commands)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(a.out)
	root.SetErr(a.Err)
	called, err := root, checkArguments(args)
	if err == nil {
		called, err = root.ExecuteContextC(ctx)
	}
	if lost := a.out.Err(); lost != nil {
		err, a.entered = lostOutput(err, lost), true
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = &interrupted{err}
	case err != nil && !a.entered:
		err = Misuse(err)
	}
	if err != nil {
		text := strings.TrimSpace(err.Error()) + a.Target.advice(err)
		fmt.Fprintf(a.Err, "spanway: %s\n", strings.ReplaceAll(render.Lines(text), "\t", `\t`))
	}
	if ExitCode(err) == ExitUsage {
		fmt.Fprintf(a.Err, "see \"%s --help\"\n", called.CommandPath())
	}
	return ExitCode(err)
}

// Tree is all commands of a program that has these, with those that every program has:
// help and completion.
func Tree(commands ...Command) *cobra.Command {
	root := new(App).root(commands)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// lostOutput is the error of a command that could not print: what it says itself, if
// that is something else, and the error of the output.
func lostOutput(err, lost error) error {
	if errors.Is(err, lost) {
		return err
	}
	return errors.Join(err, lost)
}

func (a *App) root(commands []Command) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           "spanway",
		Short:         "Tasks placed by predicate and capacity on engines, over Kafka logs that prove every step",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return Usage("unknown command %q for %q%s", args[0], cmd.CommandPath(), near(cmd, args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !version {
				return pflag.ErrHelp
			}
			return runVersion(cmd)
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := applyVariables(cmd); err != nil {
				return err
			}
			for _, text := range unknownVariables(cmd.Root(), os.Environ()) {
				a.Notef("warning: %s\n", text)
			}
			if err := a.aim(cmd); err != nil {
				return err
			}
			if err := a.checkOutput(cmd); err != nil {
				return err
			}
			a.entered = true
			return nil
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version, as the command version does")
	f := root.PersistentFlags()
	a.connection.Flags(f)
	f.StringVarP(&a.output, "output", "o", "table", "table or json (one object, or one a line)")
	for _, c := range commands {
		root.AddCommand(c(a))
	}
	root.SetFlagErrorFunc(wrongFlag)
	accept(root)
	return root
}

// runVersion runs the command version of a program that has one.
func runVersion(root *cobra.Command) error {
	for _, c := range root.Commands() {
		if c.Name() == "version" {
			return c.RunE(c, nil)
		}
	}
	return Usage("this program has no version")
}

// Noun is a command that only groups verbs.
func Noun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				cmd.SetOut(cmd.ErrOrStderr())
				return errors.Join(cmd.Help(), Usage("%q needs a verb: %s", cmd.CommandPath(), strings.Join(names(verbs), ", ")))
			}
			return Usage("unknown verb %q%s; %q has: %s", args[0], near(cmd, args[0]), cmd.CommandPath(), strings.Join(names(verbs), ", "))
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

// aim finds out where a command goes, if it goes anywhere.
func (a *App) aim(cmd *cobra.Command) (err error) {
	if slices.Contains([]string{"spanway", "version", "healthcheck", "help", "completion"}, cmd.Name()) {
		return nil
	}
	if cmd.Name() == "dev" {
		a.Target, err = a.connection.Here()
	} else {
		a.Target, err = a.connection.Target(a.ctx)
	}
	a.Prefix, a.Site = a.Target.Prefix, a.Target.Site
	return err
}

// BrokerList are the brokers to begin with.
func (a *App) BrokerList() []string { return a.Target.Cluster.Brokers }

// Cluster opens the connection that the flags describe, for a part of this process.
// log is told of what is tried again for as long as it takes.
func (a *App) Cluster(part string, log *slog.Logger) (*cluster.Cluster, error) {
	config := a.Target.Cluster
	config.ClientID, config.Logger = "spanway-"+part, log
	c, err := cluster.Open(config)
	if err != nil {
		return nil, Misuse(err)
	}
	return c, nil
}

// Conn is what a command may do and ask: both use one connection.
type Conn struct {
	*client.Client
	*query.Querier
	Cluster *cluster.Cluster
}

// Source is what the records of this command name as theirs.
func (a *App) Source() string { return "/spanway/" + a.Site + "/cli" }

// Clustered runs f with a connection to the cluster. log is told of what is tried again.
func (a *App) Clustered(ctx context.Context, f func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error) error {
	if site := a.Target.unplaced; site != "" {
		return Usage("site %q: nothing says where it is: set SPANWAY_CONFIG to a file with a context of that site, as spanway dev --sites writes it, or give --brokers", site)
	}
	log := a.notices()
	c, err := a.Cluster("cli", log)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, c, log)
}

// Answering is Clustered with brokers that answer: that none does is told as soon, and in the
// same words, by every command.
func (a *App) Answering(ctx context.Context, f func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error) error {
	return a.Clustered(ctx, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		if err := a.Answers(ctx, c); err != nil {
			return err
		}
		return f(ctx, c, log)
	})
}

// Answers is the error of a cluster of which no broker answers within the dial timeout.
func (a *App) Answers(ctx context.Context, at *cluster.Cluster) error {
	c, err := client.New(client.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source(), DialTimeout: a.Target.Cluster.DialTimeout})
	if err != nil {
		return Misuse(err)
	}
	err = c.CheckFor(ctx, "")
	_ = c.Close(ctx) // It has sent nothing.
	return err
}

// ClusteredFor is ConnectedFor for what needs the cluster itself.
func (a *App) ClusteredFor(ctx context.Context, topic string, f func(ctx context.Context, c *cluster.Cluster) error) error {
	return a.Clustered(ctx, func(ctx context.Context, at *cluster.Cluster, _ *slog.Logger) error {
		return a.connected(ctx, at, topic, func(ctx context.Context, _ *Conn) error { return f(ctx, at) })
	})
}

// Asked is ClusteredFor for what asks questions, too.
func (a *App) Asked(ctx context.Context, topic string, f func(ctx context.Context, c *cluster.Cluster, q *query.Querier) error) error {
	return a.Clustered(ctx, func(ctx context.Context, at *cluster.Cluster, _ *slog.Logger) error {
		return a.connected(ctx, at, topic, func(ctx context.Context, c *Conn) error { return f(ctx, at, c.Querier) })
	})
}

// Connected runs f with brokers that answer and have the topics of tasks.
func (a *App) Connected(ctx context.Context, f func(context.Context, *Conn) error) error {
	return a.ConnectedFor(ctx, events.Topics{Prefix: a.Prefix}.Events(), f)
}

// ConnectedFor is Connected for what needs another topic, or none if it is empty.
func (a *App) ConnectedFor(ctx context.Context, topic string, f func(context.Context, *Conn) error) error {
	return a.Clustered(ctx, func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
		return a.connected(ctx, c, topic, f)
	})
}

func (a *App) connected(ctx context.Context, at *cluster.Cluster, topic string, f func(context.Context, *Conn) error) error {
	c, err := client.New(client.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source(), DialTimeout: a.Target.Cluster.DialTimeout})
	if err != nil {
		return Misuse(err)
	}
	err = c.CheckFor(ctx, topic)
	if err == nil {
		q := query.New(query.Config{Logs: at, Prefix: a.Prefix, Encoder: events.Encoder{Source: a.Source()}, Board: at.Kafka().Board()})
		err = f(ctx, &Conn{c, q, at})
	}
	patience := 5 * time.Second
	if ctx.Err() != nil {
		patience = 500 * time.Millisecond // Of an interrupted command nothing is to be sent any more.
	}
	closing, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(err, c.Close(closing))
}

// JSON tells whether -o json was given.
func (a *App) JSON() bool { return a.output == "json" }

// YAML tells whether -o yaml was given: to a command that AlsoYAML was called with.
func (a *App) YAML() bool { return a.output == "yaml" }

// yamlKey is the annotation of commands that print YAML, too.
const yamlKey = "spanway_yaml"

// AlsoYAML lets a command print YAML, too.
func AlsoYAML(c *cobra.Command) { c.Annotations = map[string]string{yamlKey: ""} }

// checkOutput refuses what a command does not print.
func (a *App) checkOutput(cmd *cobra.Command) error {
	_, also := cmd.Annotations[yamlKey]
	switch {
	case a.output == "table" || a.output == "json" || also && a.output == "yaml":
		return nil
	case also:
		return Usage("output %q: give -o table, -o json or -o yaml", a.output)
	}
	return Usage("output %q: give -o table or -o json", a.output)
}
