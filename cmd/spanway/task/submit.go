package task

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
	"github.com/spanway/spanway/services/engine/command"
)

// submission is what the flags of task submit say.
type submission struct {
	id, pool, kind, where, tenant string
	prefer, notBefore, limitKey   string
	limit                         int32
	after                         []string
	needs                         map[string]string
	priority, retries             int32
	timeout, scheduleTimeout      string
	payload, payloadType, file    string
	wait, follow, dryRun          bool
	prioritySet, retriesSet       bool
	every                         time.Duration
	command                       []string
}

func submit(a *cli.App) *cobra.Command {
	var s submission
	c := &cobra.Command{
		Use:   "submit -k KIND [flags] [-- COMMAND ARG...]",
		Short: "Submit a task, or one for each line of a file",
		Long: `Submit a task and print its ID once it is durable; with --wait, wait for its
end and print its result. A command after -- is for kind exec. --file takes one
task a line, in the JSON form of a task request ("-" for standard input); what
the flags say then is for the lines that do not say it themselves.

An ID that was submitted before is the same task: then nothing is changed, standard
error says so, with its state and what this request says otherwise, and the exit code
is as ever (-o json: "already", "state" and "differs"). Of a file, standard error
says it of each such line, when all lines are submitted and decided, or have not been
for a few seconds (-o json says "already" of a line with --wait only). A request that only a scheduler refuses is said to be refused; the
exit code tells of that with --wait alone.

A warning tells of a pool without engines, of a kind that no known engine handles, of
a predicate with a label or a dimension that none has, or with a label that is compared
with a value of another kind than any engine's, and of needs that none has so much of;
the task is submitted all the same. With --wait on a terminal, what a task waits for is
said once it has waited for some seconds.`,
		Example: `  spanway task submit -k noop --wait
  spanway task submit --where 'engine.labels.gpu >= 1' --needs memory_bytes=64Mi --wait -- sha256sum /etc/hostname
  spanway task submit --wait --follow --timeout 1h -- make all
  spanway task submit --file tasks.ndjson --wait
  spanway task submit -k noop --every 1s --wait`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.prioritySet, s.retriesSet = cmd.Flags().Changed("priority"), cmd.Flags().Changed("retries")
			if cmd.ArgsLenAtDash() != 0 && len(args) > 0 {
				return cli.Usage("unexpected argument %q: a command to execute comes after --", args[0])
			}
			s.command = args
			if err := s.checkAfter(); err != nil {
				return err
			}
			if s.retries < 0 || s.retries >= request.MaxAttempts {
				return cli.Usage("--retries %d: give 0 to %d", s.retries, request.MaxAttempts-1)
			}
			ctx, stop, err := a.Traced(cmd.Context())
			if err != nil {
				return err
			}
			defer stop()
			if s.follow && (!s.wait || s.file != "") {
				return cli.Usage("--follow is for one task that is waited for: give --wait, and no --file")
			}
			if cmd.Flags().Changed("every") {
				return submitEvery(ctx, a, &s)
			}
			if s.file != "" {
				return submitFile(ctx, a, &s)
			}
			r, err := s.request(a)
			if err != nil {
				return err
			}
			return submitOne(ctx, a, &s, r)
		},
	}
	s.flags(c)
	return c
}

func (s *submission) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&s.kind, "kind", "k", "", "what handler runs it (exec if a command is given)")
	f.StringVar(&s.id, "id", "", "its ID; the same ID again within a day is the same task (default a new one)")
	f.StringVar(&s.pool, "pool", "", "its pool (default \"default\")")
	f.StringVar(&s.where, "where", "", "predicate in CEL over engine and task, such as 'engine.labels.gpu >= 1'")
	f.StringVar(&s.prefer, "prefer", "", "score in CEL over engine and task, the highest is preferred, such as 'engine.free.slots'")
	f.StringVar(&s.notBefore, "not-before", "", "when it may begin: a time such as 2026-12-01T08:00:00Z, or from now such as 10m (default at once)")
	cli.Pairs(f, &s.needs, "needs", "what it takes of an engine, such as slots=1,memory_bytes=64Mi")
	f.Int32Var(&s.priority, "priority", 5, "0 to 9, 9 most urgent")
	f.StringVar(&s.timeout, "timeout", "", "how long one attempt may run: 30s, or none (default 10m)")
	f.StringVar(&s.scheduleTimeout, "schedule-timeout", "", "how long it may wait for an engine (default none)")
	f.Int32Var(&s.retries, "retries", 4, "how often a failed attempt is tried again")
	f.StringVar(&s.tenant, "tenant", "", "on whose behalf")
	f.StringVar(&s.limitKey, "limit-key", "", "what is limited, such as a database: of its tasks --limit run at once")
	f.Int32Var(&s.limit, "limit", 0, "how many tasks of the --limit-key run at once (default 1)")
	f.StringSliceVar(&s.after, "after", nil, "IDs of tasks of the pool that must have succeeded before, separated by commas; one with a comma in it in quotes")
	f.StringVar(&s.payload, "payload", "", "its payload: text, @FILE, or - for standard input")
	f.StringVar(&s.payloadType, "payload-type", "", "content type of the payload")
	f.StringVar(&s.file, "file", "", "submit one task for each line of this file; - for standard input")
	f.BoolVar(&s.wait, "wait", false, "wait for the end; exit 4 if it is not a success")
	f.BoolVar(&s.follow, "follow", false, "with --wait: print what the command writes as it comes")
	f.DurationVar(&s.every, "every", 0, "submit it again this often, as a new task each time, until interrupted; with --wait not before the last one's end")
	f.BoolVar(&s.dryRun, "dry-run", false, "check it and print the request (of a file: how many are valid), but send nothing")
}

// checkAfter refuses an ID that no task may have by the name of the flag that it was
// given with: a request that says it itself is refused by the name of its field.
func (s *submission) checkAfter() error {
	for _, id := range s.after {
		if id == "" {
			return cli.Usage("--after names an empty ID: give IDs separated by commas, such as --after a,b")
		}
		var bad *events.Malformed
		if errors.As(events.CheckID("--after", id), &bad) {
			return cli.Usage("%s", bad.Message)
		}
	}
	return nil
}

// complete gives a request what the flags say and it does not say itself.
func (s *submission) complete(r *events.TaskRequested) {
	r.Pool = cmp.Or(r.Pool, s.pool)
	r.Kind = cmp.Or(r.Kind, s.kind)
	r.Predicate = cmp.Or(r.Predicate, s.where)
	r.Prefer = cmp.Or(r.Prefer, s.prefer)
	r.NotBefore = cmp.Or(r.NotBefore, fromNow(s.notBefore, time.Now()))
	r.Tenant = cmp.Or(r.Tenant, s.tenant)
	r.LimitKey = cmp.Or(r.LimitKey, s.limitKey)
	if r.Limit == nil && s.limit != 0 {
		r.Limit = &s.limit
	}
	if len(r.After) == 0 {
		r.After = s.after
	}
	r.PayloadType = cmp.Or(r.PayloadType, s.payloadType)
	r.ExecutionTimeout = cmp.Or(r.ExecutionTimeout, s.timeout)
	r.ScheduleTimeout = cmp.Or(r.ScheduleTimeout, s.scheduleTimeout)
	if r.Priority == nil && s.prioritySet {
		r.Priority = &s.priority
	}
	if s.retriesSet && r.Retry == nil {
		r.Retry = &events.RetryRequested{}
	}
	if attempts := s.retries + 1; s.retriesSet && r.Retry.MaxAttempts == nil {
		r.Retry.MaxAttempts = &attempts
	}
	if len(r.Needs) == 0 && len(s.needs) > 0 {
		r.Needs = map[string]*structpb.Value{}
		for name, v := range s.needs {
			r.Needs[name] = quantity(v)
		}
	}
}

// request makes the request that the flags describe.
func (s *submission) request(a *cli.App) (*events.TaskRequested, error) {
	r := &events.TaskRequested{TaskId: s.id}
	s.complete(r)
	if len(s.command) > 0 {
		return r, s.addCommand(r)
	}
	if r.Kind == "" {
		return nil, cli.Usage("no --kind: name the handler, such as -k noop, or give a command after --")
	}
	payload, err := readPayload(a, s.payload)
	r.Payload = payload
	return r, err
}

// fromNow makes a time of a duration; all else stays for the scheduler.
func fromNow(text string, now time.Time) string {
	if d, err := events.ParseDuration(text); err == nil {
		return now.Add(d).UTC().Format(time.RFC3339Nano)
	}
	return text
}

// quantity is a number if it looks like one; "64Mi" stays for the scheduler.
func quantity(v string) *structpb.Value {
	if n, err := strconv.ParseInt(v, 10, 53); err == nil {
		return structpb.NewNumberValue(float64(n))
	}
	return structpb.NewStringValue(v)
}

func readPayload(a *cli.App, from string) ([]byte, error) {
	in := a.In
	switch {
	case strings.HasPrefix(from, "@"):
		f, err := a.Open(from[1:])
		if err != nil {
			return nil, cli.Usage("read the payload: %w", err)
		}
		defer f.Close()
		in = f
	case from != "-":
		return []byte(from), nil
	}
	b, err := io.ReadAll(io.LimitReader(in, events.MaxPayloadBytes+1))
	if err != nil {
		return nil, cli.Usage("read the payload: %w", err)
	}
	return b, nil
}

func submitOne(ctx context.Context, a *cli.App, s *submission, r *events.TaskRequested) error {
	if s.dryRun {
		return dryRun(a, r)
	}
	return a.Connected(ctx, func(ctx context.Context, c *cli.Conn) error {
		if warning := newWarner(c).about(ctx, r); warning != "" {
			a.Notef("%s\n", warning)
		}
		if s.follow {
			return submitFollowed(ctx, a, c, r)
		}
		return submitAs(ctx, a, c, s, r)
	})
}

// printEnd prints the result on stdout and, for people, how it came about on stderr.
func printEnd(a *cli.App, r client.Result, found again, took time.Duration, err error) error {
	if a.JSON() {
		if printed := a.Object(viewEnd(r, found)); printed != nil {
			return printed
		}
		return err
	}
	if r.State == client.Succeeded {
		a.Notef("task %s succeeded on %s in %s\n", r.ID, r.Engine, render.Duration(took))
		if _, printed := a.TaskOutput().Write(r.Data); printed != nil {
			return printed
		}
		if n := len(r.Data); n > 0 && r.Data[n-1] != '\n' && cli.Terminal(a.TaskOutput()) {
			a.Printf("\n")
		}
	}
	return err
}

// addCommand makes the request one of kind exec.
func (s *submission) addCommand(r *events.TaskRequested) error {
	switch {
	case r.Kind == "":
		r.Kind = command.Kind
	case r.Kind != command.Kind:
		return cli.Usage("kind %q with a command: a command after -- is for kind %s", r.Kind, command.Kind)
	}
	if s.payload != "" {
		return cli.Usage("--payload with a command: the command is the payload")
	}
	payload, err := command.Spec{Command: s.command}.Payload()
	if err != nil {
		return cli.Misuse(err)
	}
	r.Payload, r.PayloadType = payload, events.ContentJSON
	return nil
}
