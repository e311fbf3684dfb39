package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

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
	traceLink
	Stages []stage `json:"stages"`
	AsOf   string  `json:"as_of"`
}

// traceLink is where a task's trace is to be found, if its producer was in one.
type traceLink struct {
	TraceID  string `json:"trace_id,omitempty"`
	TraceURL string `json:"trace_url,omitempty"`
}

// traceURL is the flag --trace-url.
type traceURL struct{ pattern string }

const traceIDPlace = "{traceID}"

func (u *traceURL) flag(c *cobra.Command) {
	c.Flags().StringVar(&u.pattern, "trace-url", env("TRACE_URL", ""),
		"page of a trace, such as http://jaeger:16686/trace/"+traceIDPlace+" (SPANWAY_TRACE_URL)")
}

func (u *traceURL) check() error {
	if u.pattern != "" && !strings.Contains(u.pattern, traceIDPlace) {
		return usage("--trace-url %q: write %s where the ID belongs", u.pattern, traceIDPlace)
	}
	return nil
}

// of is the link of a task. The ID is the second field of a traceparent.
func (u *traceURL) of(traceparent string) traceLink {
	fields := strings.Split(traceparent, "-")
	if len(fields) < 4 {
		return traceLink{}
	}
	link := traceLink{TraceID: fields[1]}
	if u.pattern != "" {
		link.TraceURL = strings.ReplaceAll(u.pattern, traceIDPlace, url.PathEscape(link.TraceID))
	}
	return link
}

func (a *app) traceCommand() *cobra.Command {
	var pool string
	var when moment
	var link traceURL
	c := &cobra.Command{
		Use:   "trace ID",
		Short: "Draw where a task's time went, from its events alone",
		Long: `Draw the stages of a task's life, to scale: waiting, with what kept it when that
began, its attempts with their engines, and its end. All comes from tasks.events;
no collector of traces is needed. If the producer sent a trace context, the trace's
ID is shown, and with --trace-url where to look at it.`,
		Args: one("task ID"),
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
				v := viewTrace(s, l)
				v.traceLink = link.of(s.Traceparent)
				explainWaits(ctx, c, s, v.Stages)
				if a.json() {
					return a.object(v)
				}
				a.drawTrace(v)
				return nil
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool; without it all are searched")
	when.at(c)
	link.flag(c)
	return c
}

func viewTrace(s *query.Task, l query.Listing) traceView {
	stages, begin := stagesOf(l.History, l.AtMs)
	v := traceView{
		ID: s.ID, Pool: s.Pool, State: client.State(s.State), AcceptedAt: stamp(s.AcceptedMs), Stages: stages, AsOf: l.AsOf.String(),
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
func explainWaits(ctx context.Context, c *conn, s *query.Task, stages []stage) {
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

func (a *app) width() int {
	if f, ok := a.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return unseen
}

func (a *app) drawTrace(v traceView) {
	took := "so far " + ms(v.TookMs)
	if v.State.Ended() {
		took = "took " + ms(v.TookMs)
	}
	fmt.Fprintf(a.out, "task %s  %s  pool %s  %s\n", a.colour(bold, v.ID), a.colour(stateColour(v.State), strings.ToUpper(string(v.State))), v.Pool, took)
	a.printLink(v.traceLink)
	t := &table{head: []string{"STAGE", "ENGINE", "AT", "TOOK", "WHAT", "WHEN"}}
	rest := 0
	for _, s := range v.Stages {
		rest = max(rest, utf8.RuneCountInString(what(s)))
	}
	bars := min(max(a.width()-rest-40, narrowest), widest)
	for _, s := range v.Stages {
		t.add(plain(name(s)), plain(dash(s.Engine)), plain("+"+ms(s.OffsetMs)), plain(ms(s.TookMs)), plain(what(s)),
			cell{bar(s, v.TookMs, bars), barColour(s)})
	}
	a.table(t)
	a.asOf(v.AsOf)
}

func (a *app) printLink(l traceLink) {
	if l.TraceID != "" {
		fmt.Fprintln(a.out, strings.TrimRight("  trace      "+l.TraceID+"  "+l.TraceURL, " "))
	}
}

func ms(n int64) string { return short(time.Duration(n) * time.Millisecond) }

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
		return yellow
	case s.Outcome == "succeeded":
		return green
	case s.Outcome == "":
		return ""
	}
	return red
}
