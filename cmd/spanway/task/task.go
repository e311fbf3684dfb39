package task

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the noun task.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("task", "Submit tasks and see what becomes of them",
		submit(a), show(a), list(a), watch(a), why(a), whatIf(a), cancel(a), retry(a))
}

// taskView is a task as -o json prints it; the names are stable.
type taskView struct {
	ID         string           `json:"id"`
	Pool       string           `json:"pool"`
	State      client.State     `json:"state,omitempty"`
	Kind       string           `json:"kind,omitempty"`
	Priority   *int32           `json:"priority,omitempty"`
	Tenant     string           `json:"tenant,omitempty"`
	Predicate  string           `json:"predicate,omitempty"`
	Prefer     string           `json:"prefer,omitempty"`
	NotBefore  string           `json:"not_before,omitempty"`
	LimitKey   string           `json:"limit_key,omitempty"`
	Limit      int32            `json:"limit,omitempty"`
	After      []string         `json:"after,omitempty"`
	Needs      map[string]int64 `json:"needs,omitempty"`
	ReplayOf   string           `json:"replay_of,omitempty"`
	Engine     string           `json:"engine,omitempty"`
	Attempt    int32            `json:"attempt,omitempty"`
	Token      uint64           `json:"token,omitempty"`
	AcceptedAt string           `json:"accepted_at,omitempty"`
	AssignedAt string           `json:"assigned_at,omitempty"`
	StartedAt  string           `json:"started_at,omitempty"`
	EndedAt    string           `json:"ended_at,omitempty"`
	Progress   *string          `json:"progress,omitempty"`
	again
	cli.TraceLink
	resultView
	History []cli.EventView `json:"history,omitempty"`
	AsOf    string          `json:"as_of,omitempty"`
}

// resultView is the end of a task. A result that is no text is in base64.
type resultView struct {
	Result       *string        `json:"result,omitempty"`
	ResultBase64 []byte         `json:"result_base64,omitempty"`
	ResultType   string         `json:"result_type,omitempty"`
	Error        *cli.ErrorView `json:"error,omitempty"`
	Reason       string         `json:"reason,omitempty"`
}

func viewResult(r client.Result) resultView {
	v := viewData(r.Data, r.Type)
	v.Reason = r.Reason
	if r.Error != nil {
		v.Error = &cli.ErrorView{Code: r.Error.Code, Message: r.Error.Message}
	}
	if r.Code != "" {
		v.Error, v.Reason = &cli.ErrorView{Code: string(r.Code), Message: r.Reason}, ""
	}
	return v
}

func viewData(data []byte, typ string) resultView {
	v := resultView{ResultType: typ}
	if len(data) > 0 {
		if v.Result = cli.Text(data); v.Result == nil {
			v.ResultBase64 = data
		}
	}
	return v
}

func viewTask(t *query.Task, asOf query.Position) taskView {
	v := taskView{
		ID: t.ID, Pool: t.Pool, State: client.State(t.State), Kind: t.Kind, Tenant: t.Tenant, Predicate: t.Predicate, Prefer: t.Prefer,
		NotBefore: cli.Stamp(t.NotBeforeMs), LimitKey: t.LimitKey, Limit: t.Limit, After: t.After, Needs: t.Needs, ReplayOf: t.ReplayOf,
		Engine: t.Engine, Attempt: t.Attempt, Token: t.Token,
		AcceptedAt: cli.Stamp(t.AcceptedMs), AssignedAt: cli.Stamp(t.AssignedMs), StartedAt: cli.Stamp(t.StartedMs), EndedAt: cli.Stamp(t.EndedMs),
		Progress: cli.Text(t.Progress), resultView: viewData(t.Result, t.ResultType), AsOf: asOf.String(),
	}
	if len(t.Progress) == 0 {
		v.Progress = nil
	}
	if v.State != client.Rejected {
		v.Priority = &t.Priority
	}
	switch {
	case v.State == client.Expired:
		v.Reason = client.ReasonExpired
	case v.State == client.Cancelled:
		v.Reason = t.Message
	case t.Code != "":
		v.Error = &cli.ErrorView{Code: t.Code, Message: t.Message}
	}
	return v
}

// viewEnd is a task as the one who waited for it knows it.
func viewEnd(r client.Result, found again) taskView {
	return taskView{
		ID: string(r.ID), Pool: string(r.Pool), State: r.State, Engine: string(r.Engine),
		Attempt: r.Attempt, Token: uint64(r.Token), EndedAt: cli.Stamp(r.AtMs), resultView: viewResult(r), again: found,
	}
}

func list(a *cli.App) *cobra.Command {
	var q query.TaskQuery
	var pool string
	var states []string
	var limit int
	var when cli.Moment
	c := &cobra.Command{
		Use:   "list",
		Short: "List tasks, newest first; only those that have not ended unless --state says otherwise",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return cli.Usage("--limit %d: give 0 (all) or more", limit)
			}
			q.Pool = events.Pool(pool)
			var err error
			if q.States, err = parseStates(states); err != nil {
				return err
			}
			if q.At, err = when.Parse(); err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				q.Limit = limit
				listings, err := c.Tasks(ctx, q)
				if err != nil {
					return err
				}
				return printTasks(a, listings, limit)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&pool, "pool", "", "only this pool (default all)")
	f.StringVarP(&q.Kind, "kind", "k", "", "only this kind")
	f.StringSliceVar(&states, "state", []string{"pending", "assigned", "running"}, "only these states, or \"all\"")
	f.IntVar(&limit, "limit", 1000, "at most so many; 0 for all")
	when.At(c)
	return c
}

var allStates = []client.State{
	client.Pending, client.Assigned, client.Running, client.Succeeded, client.Failed,
	client.Expired, client.Cancelled, client.Rejected, client.Dead,
}

func parseStates(in []string) ([]client.State, error) {
	var out []client.State
	for _, s := range in {
		if s == "all" {
			return nil, nil
		}
		known := false
		for _, k := range allStates {
			known = known || string(k) == s
		}
		if !known {
			return nil, cli.Usage("state %q: give all or some of %s", s, strings.Trim(fmt.Sprint(allStates), "[]"))
		}
		out = append(out, client.State(s))
	}
	return out, nil
}

func printTasks(a *cli.App, listings []query.Listing, limit int) error {
	t := &cli.Table{Head: []string{"ID", "POOL", "KIND", "STATE", "PRIO", "ENGINE", "ATTEMPT", "AGE"}}
	var rows []listed
	var asOf []string
	left := 0
	none := !slices.ContainsFunc(listings, func(l query.Listing) bool { return len(l.Tasks) > 0 })
	for _, l := range listings {
		if len(l.Tasks) > 0 || none {
			asOf = append(asOf, l.AsOf.String())
		}
		for _, s := range l.Tasks {
			rows = append(rows, listed{s, l})
		}
		left += l.More
	}
	left += newest(&rows, limit)
	for _, r := range rows {
		s, l := r.Task, r.of
		if a.JSON() {
			if err := a.Object(viewTask(s, l.AsOf)); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(s.ID), cli.Plain(s.Pool), cli.Plain(s.Kind), cli.Marked(s.State, cli.StateColour(client.State(s.State))),
			cli.Plain(s.Priority), cli.Plain(cli.Dash(s.Engine)), cli.Plain(s.Attempt), cli.Plain(render.Age(l.AtMs, firstOf(s.AcceptedMs, s.EndedMs))))
	}
	if a.JSON() {
		return nil
	}
	a.Table(t)
	if left > 0 {
		a.Printf("and %d more; see them with --limit 0\n", left)
	}
	a.AsOf(asOf...)
	return nil
}

// listed is a task in a list.
type listed struct {
	*query.Task
	of query.Listing
}

// newest leaves the newest tasks, at most limit of them if that is not 0, with the
// newest first, and says how many it left out.
func newest(rows *[]listed, limit int) (left int) {
	slices.Reverse(*rows) // Of a partition they are in the order in which they were accepted.
	slices.SortStableFunc(*rows, func(x, y listed) int {
		return cmp.Compare(firstOf(y.AcceptedMs, y.EndedMs), firstOf(x.AcceptedMs, x.EndedMs))
	})
	if limit <= 0 || len(*rows) <= limit {
		return 0
	}
	left = len(*rows) - limit
	*rows = (*rows)[:limit]
	return left
}

func firstOf(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

func show(a *cli.App) *cobra.Command {
	var pool string
	var when cli.Moment
	var link cli.TraceURL
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one task, its result and everything that happened to it",
		Args:  cli.One("task ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.Parse()
			if err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				s, l, err := c.Task(ctx, events.Pool(pool), events.TaskID(args[0]), at)
				if err != nil {
					return err
				}
				v := viewTask(s, l.AsOf)
				v.TraceLink = link.Of(s.Traceparent)
				if a.JSON() {
					for _, e := range l.History {
						v.History = append(v.History, cli.ViewEvent(e))
					}
					return a.Object(v)
				}
				printTask(a, v, l)
				return nil
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool; without it all are searched")
	when.At(c)
	link.Flag(c)
	return c
}

func printTask(a *cli.App, v taskView, l query.Listing) {
	a.Printf("task %s  %s  pool %s\n", a.Colour(render.Bold, v.ID), a.Colour(cli.StateColour(v.State), strings.ToUpper(string(v.State))), v.Pool)
	field := func(name, value string) {
		if value != "" {
			a.Printf("  %-10s %s\n", name, value)
		}
	}
	text := func(name, value string) { a.Printf("  %-10s %s\n", name, render.Block(value, 13)) }
	field("kind", v.Kind)
	field("where", v.Predicate)
	field("prefer", v.Prefer)
	field("not before", v.NotBefore)
	if v.Priority != nil {
		field("needs", render.Amounts(v.Needs))
		field("priority", fmt.Sprint(*v.Priority))
	}
	field("tenant", v.Tenant)
	if v.LimitKey != "" {
		field("limit", fmt.Sprintf("%d at once of %q", v.Limit, v.LimitKey))
	}
	field("after", strings.Join(v.After, " "))
	field("replay of", v.ReplayOf)
	if v.Engine != "" {
		field("engine", fmt.Sprintf("%s, attempt %d, token %d", v.Engine, v.Attempt, v.Token))
	}
	if v.Error != nil {
		field("error", strings.TrimSuffix(v.Error.Code+": "+v.Error.Message, ": "))
	}
	field("reason", v.Reason)
	switch {
	case v.Result != nil:
		text("result", *v.Result)
	case v.ResultBase64 != nil:
		field("result", fmt.Sprintf("%d bytes that are no text; see them with -o json", len(v.ResultBase64)))
	}
	a.PrintLink(v.TraceLink)
	a.Printf("  history\n")
	for _, e := range l.History {
		a.Printf("    %s\n", cli.EventLine(e))
	}
	a.AsOf(l.AsOf.String())
}
