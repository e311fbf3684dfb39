package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) taskCommand() *cobra.Command {
	return noun("task", "Submit tasks and see what becomes of them",
		a.taskSubmit(), a.taskShow(), a.taskList(), a.taskWatch(), a.taskWhy(), a.taskWhatIf(), a.taskCancel(), a.taskRetry())
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
	traceLink
	resultView
	History []eventView `json:"history,omitempty"`
	AsOf    string      `json:"as_of,omitempty"`
}

// resultView is the end of a task. A result that is no text is in base64.
type resultView struct {
	Result       *string    `json:"result,omitempty"`
	ResultBase64 []byte     `json:"result_base64,omitempty"`
	ResultType   string     `json:"result_type,omitempty"`
	Error        *errorView `json:"error,omitempty"`
	Reason       string     `json:"reason,omitempty"`
}

type errorView struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

func viewResult(r client.Result) resultView {
	v := viewData(r.Data, r.Type)
	v.Reason = r.Reason
	if r.Error != nil {
		v.Error = &errorView{r.Error.Code, r.Error.Message}
	}
	if r.Code != "" {
		v.Error, v.Reason = &errorView{string(r.Code), r.Reason}, ""
	}
	return v
}

func viewData(data []byte, typ string) resultView {
	v := resultView{ResultType: typ}
	if len(data) > 0 {
		if v.Result = text(data); v.Result == nil {
			v.ResultBase64 = data
		}
	}
	return v
}

func viewTask(t *query.Task, asOf query.Position) taskView {
	v := taskView{
		ID: t.ID, Pool: t.Pool, State: client.State(t.State), Kind: t.Kind, Tenant: t.Tenant, Predicate: t.Predicate, Prefer: t.Prefer,
		NotBefore: stamp(t.NotBeforeMs), LimitKey: t.LimitKey, Limit: t.Limit, After: t.After, Needs: t.Needs, ReplayOf: t.ReplayOf,
		Engine: t.Engine, Attempt: t.Attempt, Token: t.Token,
		AcceptedAt: stamp(t.AcceptedMs), AssignedAt: stamp(t.AssignedMs), StartedAt: stamp(t.StartedMs), EndedAt: stamp(t.EndedMs),
		Progress: text(t.Progress), resultView: viewData(t.Result, t.ResultType), AsOf: asOf.String(),
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
		v.Error = &errorView{t.Code, t.Message}
	}
	return v
}

// viewEnd is a task as the one who waited for it knows it.
func viewEnd(r client.Result) taskView {
	return taskView{
		ID: string(r.ID), Pool: string(r.Pool), State: r.State, Engine: string(r.Engine),
		Attempt: r.Attempt, Token: uint64(r.Token), EndedAt: stamp(r.AtMs), resultView: viewResult(r),
	}
}

func stateColour(s client.State) string {
	switch s {
	case client.Succeeded:
		return green
	case client.Failed, client.Dead, client.Expired, client.Rejected:
		return red
	case client.Cancelled, client.Pending:
		return yellow
	}
	return ""
}

func (a *app) taskList() *cobra.Command {
	var q query.TaskQuery
	var pool string
	var states []string
	var limit int
	var when moment
	c := &cobra.Command{
		Use:   "list",
		Short: "List tasks, those of a pool oldest first; only those that have not ended unless --state says otherwise",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Pool = events.Pool(pool)
			var err error
			if q.States, err = parseStates(states); err != nil {
				return err
			}
			if q.At, err = when.parse(); err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				listings, err := c.Tasks(ctx, q)
				if err != nil {
					return err
				}
				return a.printTasks(listings, limit)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&pool, "pool", "", "only this pool (default all)")
	f.StringVarP(&q.Kind, "kind", "k", "", "only this kind")
	f.StringSliceVar(&states, "state", []string{"pending", "assigned", "running"}, "only these states, or \"all\"")
	f.IntVar(&limit, "limit", 1000, "at most so many; 0 for all")
	when.at(c)
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
			return nil, usage("state %q: give all or some of %s", s, strings.Trim(fmt.Sprint(allStates), "[]"))
		}
		out = append(out, client.State(s))
	}
	return out, nil
}

func (a *app) printTasks(listings []query.Listing, limit int) error {
	t := &table{head: []string{"ID", "POOL", "KIND", "STATE", "PRIO", "ENGINE", "ATTEMPT", "AGE"}}
	shown, left := 0, 0
	var asOf []string
	none := !slices.ContainsFunc(listings, func(l query.Listing) bool { return len(l.Tasks) > 0 })
	for _, l := range listings {
		if len(l.Tasks) > 0 || none {
			asOf = append(asOf, l.AsOf.String())
		}
		for _, s := range l.Tasks {
			if limit > 0 && shown == limit {
				left++
				continue
			}
			shown++
			if a.json() {
				if err := a.object(viewTask(s, l.AsOf)); err != nil {
					return err
				}
				continue
			}
			t.add(plain(s.ID), plain(s.Pool), plain(s.Kind), cell{s.State, stateColour(client.State(s.State))},
				plain(s.Priority), plain(dash(s.Engine)), plain(s.Attempt), plain(age(time.UnixMilli(l.AtMs), firstOf(s.AcceptedMs, s.EndedMs))))
		}
	}
	if a.json() {
		return nil
	}
	a.table(t)
	if left > 0 {
		fmt.Fprintf(a.out, "and %d more; see them with --limit 0\n", left)
	}
	a.asOf(asOf...)
	return nil
}

func firstOf(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) taskShow() *cobra.Command {
	var pool string
	var when moment
	var link traceURL
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one task, its result and everything that happened to it",
		Args:  one("task ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.parse()
			if err != nil {
				return err
			}
			if err := link.check(); err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				s, l, err := c.Task(ctx, events.Pool(pool), events.TaskID(args[0]), at)
				if err != nil {
					return err
				}
				v := viewTask(s, l.AsOf)
				v.traceLink = link.of(s.Traceparent)
				if a.json() {
					for _, e := range l.History {
						v.History = append(v.History, viewEvent(e))
					}
					return a.object(v)
				}
				a.printTask(v, l)
				return nil
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool; without it all are searched")
	when.at(c)
	link.flag(c)
	return c
}

func (a *app) printTask(v taskView, l query.Listing) {
	fmt.Fprintf(a.out, "task %s  %s  pool %s\n", a.colour(bold, v.ID), a.colour(stateColour(v.State), strings.ToUpper(string(v.State))), v.Pool)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.out, "  %-10s %s\n", name, value)
		}
	}
	field("kind", v.Kind)
	field("where", v.Predicate)
	field("prefer", v.Prefer)
	field("not before", v.NotBefore)
	if v.Priority != nil {
		field("needs", needs(v.Needs))
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
		field("result", *v.Result)
	case v.ResultBase64 != nil:
		field("result", fmt.Sprintf("%d bytes that are no text; see them with -o json", len(v.ResultBase64)))
	}
	a.printLink(v.traceLink)
	fmt.Fprintln(a.out, "  history")
	for _, e := range l.History {
		fmt.Fprintf(a.out, "    %s\n", eventLine(e))
	}
	a.asOf(l.AsOf.String())
}
