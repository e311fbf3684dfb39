package trace

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// traceView is what trace -o json prints; the names are stable.
type traceView struct {
	ID         string       `json:"id"`
	Pool       string       `json:"pool"`
	State      client.State `json:"state"`
	AcceptedAt string       `json:"accepted_at,omitempty"`
	TookMs     int64        `json:"duration_ms"`
	cli.TraceLink
	Stages []stage `json:"stages"`
	AsOf   string  `json:"as_of"`
}

// Command is the command trace.
func Command(a *cli.App) *cobra.Command {
	var pool string
	var when cli.Moment
	var link cli.TraceURL
	c := &cobra.Command{
		Use:   "trace ID",
		Short: "Draw where a task's time went, from its events alone",
		Long: `Draw the stages of a task's life, to scale: waiting, with what kept it when that
began, its attempts with their engines, and its end. All comes from tasks.events;
no collector of traces is needed. If the producer sent a trace context, the trace's
ID is shown, and with --trace-url where to look at it.`,
		Args: cli.One("task ID"),
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
				v := viewTrace(s, l)
				v.TraceLink = link.Of(s.Traceparent)
				explainWaits(ctx, c, s, v.Stages)
				if a.JSON() {
					return a.Object(v)
				}
				drawTrace(a, v)
				return nil
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool; without it all are searched")
	when.At(c)
	link.Flag(c)
	return c
}

func viewTrace(s *query.Task, l query.Listing) traceView {
	stages, begin := stagesOf(l.History, l.AtMs)
	v := traceView{
		ID: s.ID, Pool: s.Pool, State: client.State(s.State), AcceptedAt: cli.Stamp(s.AcceptedMs), Stages: stages, AsOf: l.AsOf.String(),
	}
	if begin > 0 && len(stages) > 0 {
		last := stages[len(stages)-1]
		v.TookMs = last.OffsetMs + last.TookMs
	}
	return v
}

// explained bounds the waits that are explained: each needs another fold of the
// log. Short ones need no explanation.
const (
	explainedWaits = 4
	longWaitMs     = 100
)

// explainWaits asks what kept the task when it began to wait. What the log does not
// tell any more stays unknown.
func explainWaits(ctx context.Context, c *cli.Conn, s *query.Task, stages []stage) {
	left := explainedWaits
	for i := range stages {
		w := &stages[i]
		if w.Stage != "wait" || w.TookMs < longWaitMs || left == 0 {
			continue
		}
		left--
		if x, err := c.Why(ctx, events.Pool(s.Pool), events.TaskID(s.ID), query.AtOffset(w.from)); err == nil {
			w.Reason = string(x.Reason)
		}
	}
}

// narrowest and widest bound the bars; unseen is the width where nobody looks.
const (
	narrowest, widest = 10, 100
	unseen            = 80
)

func width(a *cli.App) int {
	if w, ok := a.Width(); ok {
		return w
	}
	return unseen
}

func drawTrace(a *cli.App, v traceView) {
	took := "so far " + render.Ms(v.TookMs)
	if v.State.Ended() {
		took = "took " + render.Ms(v.TookMs)
	}
	a.Printf("task %s  %s  pool %s  %s\n", a.Colour(render.Bold, v.ID), a.Colour(cli.StateColour(v.State), strings.ToUpper(string(v.State))), v.Pool, took)
	a.PrintLink(v.TraceLink)
	t := &cli.Table{Head: []string{"STAGE", "ENGINE", "AT", "TOOK", "WHAT", "WHEN"}}
	rest := 0
	for _, s := range v.Stages {
		rest = max(rest, utf8.RuneCountInString(what(s)))
	}
	bars := min(max(width(a)-rest-40, narrowest), widest)
	for _, s := range v.Stages {
		t.Add(cli.Plain(name(s)), cli.Plain(cli.Dash(s.Engine)), cli.Plain("+"+render.Ms(s.OffsetMs)), cli.Plain(render.Ms(s.TookMs)), cli.Plain(what(s)),
			cli.Marked(bar(s, v.TookMs, bars), barColour(s)))
	}
	a.Table(t)
	a.AsOf(v.AsOf)
}

func name(s stage) string {
	if s.Stage == "attempt" {
		return fmt.Sprintf("attempt %d", s.Attempt)
	}
	return s.Stage
}

// what says what matters of a stage, shortly.
func what(s stage) string {
	var words []string
	for _, w := range []string{s.Cause, s.Reason, s.Outcome} {
		if w != "" {
			words = append(words, w)
		}
	}
	if s.Error != nil {
		words = append(words, s.Error.Code)
	}
	if s.Open {
		words = append(words, "...")
	}
	return strings.Join(words, " ")
}

// bar is a stage to scale: all of the time is as long as width.
func bar(s stage, all int64, width int) string {
	scale := func(ms int64) int { return int(ms * int64(width) / max(all, 1)) }
	from := min(scale(s.OffsetMs), width-1)
	to := max(min(scale(s.OffsetMs+s.TookMs), width), from)
	if to == from || s.TookMs == 0 {
		return strings.Repeat(" ", from) + "▏"
	}
	return strings.Repeat(" ", from) + strings.Repeat("█", to-from)
}

func barColour(s stage) string {
	switch {
	case s.Stage == "wait":
		return render.Yellow
	case s.Outcome == "succeeded":
		return render.Green
	case s.Outcome == "":
		return ""
	}
	return render.Red
}
