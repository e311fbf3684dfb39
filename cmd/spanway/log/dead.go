package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// deadView is a dead letter as -o json prints it.
type deadView struct {
	Offset  int64  `json:"offset"`
	At      string `json:"at,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Task    string `json:"task,omitempty"`
	Pool    string `json:"pool,omitempty"`
	// Source is where the record was read, TOPIC/PARTITION@OFFSET.
	Source string `json:"source,omitempty"`
	// Of a replay: the new task, or where the record was sent, or why neither.
	ReplayedAs string         `json:"replayed_as,omitempty"`
	SentTo     string         `json:"sent_to,omitempty"`
	Refused    *cli.ErrorView `json:"refused,omitempty"`
	DryRun     bool           `json:"dry_run,omitempty"`

	atMs int64
}

// deadQuery says which dead letters are meant.
type deadQuery struct {
	last                   int64
	offsets                []int64
	code, since            string
	runReplay, all, dryRun bool

	sinceMs int64
}

func dead(a *cli.App) *cobra.Command {
	var q deadQuery
	c := &cobra.Command{
		Use:   "dead",
		Short: "List dead letters, records that could not be acted upon and tasks whose attempts are used up, or replay them",
		Long: `List dead letters: records that could not be acted upon, and tasks whose
attempts are used up. With --replay, those that --offset names, or --all, are
given another chance, --code and --since allowing: a task is submitted again as
ID.r1, ID.r2, ...; a record is sent again as it was. Whatever made it fail should
be mended first. Records of which only a part was kept are refused, and so is
what one call would replay twice.`,
		Example: `  spanway log dead --code EXIT_1 --since 2h
  spanway log dead --replay --all --code UNREACHABLE --since 2h --dry-run
  spanway log dead --replay --offset 17,18`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := q.check(time.Now()); err != nil {
				return err
			}
			connected := present
			if q.runReplay { // A scheduler decides on what is sent.
				connected = func(ctx context.Context, a *cli.App, f func(context.Context, *cli.Conn) error) error {
					return a.Connected(ctx, f)
				}
			}
			return connected(cmd.Context(), a, func(ctx context.Context, c *cli.Conn) error {
				if _, err := partitionsOf(ctx, c, events.Place{Topic: c.Topics().DeadLetters()}); err != nil {
					return err
				}
				if q.runReplay {
					defer a.Hint()()
					return replayDead(ctx, a, c, &q)
				}
				return listDead(ctx, a, c, &q)
			})
		},
	}
	f := c.Flags()
	f.Int64VarP(&q.last, "lines", "n", 100, "how many to list, from the end")
	cli.AtLeast(f, 0, "lines")
	f.StringVar(&q.code, "code", "", "only those with this code")
	f.StringVar(&q.since, "since", "", "only those since then: 2h (ago), or 2026-11-25T10:00:00Z")
	f.BoolVar(&q.runReplay, "replay", false, "give them another chance")
	f.Int64SliceVar(&q.offsets, "offset", nil, "with --replay: those at these offsets of the dead-letter topic")
	f.BoolVar(&q.all, "all", false, "with --replay: all of them")
	f.BoolVar(&q.dryRun, "dry-run", false, "with --replay: only say what would be done")
	return c
}

func (q *deadQuery) check(now time.Time) error {
	switch {
	case q.runReplay && q.all == (len(q.offsets) > 0):
		return cli.Usage("--replay: say what, either --offset N or --all")
	case !q.runReplay && (q.all || q.dryRun || len(q.offsets) > 0):
		return cli.Usage("--offset, --all and --dry-run are for --replay")
	case q.since == "":
		return nil
	}
	if d, err := events.ParseDuration(q.since); err == nil && d >= 0 {
		q.sinceMs = now.Add(-d).UnixMilli()
		return nil
	}
	at, err := time.Parse(time.RFC3339, q.since)
	if err != nil {
		return cli.Usage("--since %q: give a duration such as 2h, or a time such as 2026-11-25T10:00:00Z", q.since)
	}
	q.sinceMs = at.UnixMilli()
	return nil
}

// means tells whether a letter is meant, apart from its offset.
func (q *deadQuery) means(v deadView) bool {
	return (q.code == "" || q.code == v.Code) && v.atMs >= q.sinceMs
}

func listDead(ctx context.Context, a *cli.App, c *cli.Conn, q *deadQuery) error {
	var letters []deadView
	cfg := query.TailConfig{Topic: c.Topics().DeadLetters(), Partitions: []int32{0}, Last: q.last, From: -1}
	err := c.Tail(ctx, cfg, func(r query.TailRecord) error {
		v := viewDead(r.Record)
		if !q.means(v) {
			return nil
		}
		if a.JSON() {
			return a.Object(v)
		}
		letters = append(letters, v)
		return nil
	})
	if err != nil || a.JSON() {
		return err
	}
	return printDead(a, letters)
}

func printDead(a *cli.App, letters []deadView) error {
	t := &cli.Table{Head: []string{"OFFSET", "AT", "CODE", "TASK", "SOURCE", "MESSAGE"}}
	for _, v := range letters {
		t.Add(cli.Plain(v.Offset), cli.Plain(cli.Dash(v.At)), cli.Marked(v.Code, render.Red), cli.Plain(cli.Dash(v.Task)), cli.Plain(cli.Dash(v.Source)), cli.Plain(v.Message))
	}
	return a.Table(t)
}

// replayDead replays one letter after the other, also after one was refused.
func replayDead(ctx context.Context, a *cli.App, c *cli.Conn, q *deadQuery) error {
	var letters []events.Record
	copies := map[string]bool{}
	err := c.Scan(ctx, c.Topics().DeadLetters(), 0, func(r *events.Record) error {
		if (q.all || slices.Contains(q.offsets, r.Offset)) && q.means(viewDead(r)) {
			// An owner sends a letter again if it does not know that the one before
			// it did.
			if id, _ := r.Header(events.HeaderID); q.all && len(id) > 0 {
				if copies[string(id)] {
					return nil
				}
				copies[string(id)] = true
			}
			letters = append(letters, *r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var failed error
	for _, at := range q.offsets {
		if !slices.ContainsFunc(letters, func(r events.Record) bool { return r.Offset == at }) {
			failed = errors.Join(failed, &client.Refused{Code: "NO_RECORD", Message: fmt.Sprintf("there is no such dead letter at offset %d", at)})
		}
	}
	if len(letters) == 0 && failed == nil {
		a.Notef("0 dead letters are meant: nothing to replay\n")
	}
	done := map[string]string{} // what was replayed, and as what
	for i := range letters {
		v := viewDead(&letters[i])
		v.DryRun = q.dryRun
		err := replayOne(ctx, c, &letters[i], &v, done)
		var refused *client.Refused
		if err != nil && !errors.As(err, &refused) {
			return errors.Join(failed, err)
		}
		if refused != nil {
			v.Refused = &cli.ErrorView{Code: string(refused.Code), Message: refused.Message}
			failed = errors.Join(failed, fmt.Errorf("dead letter %d: %w", v.Offset, err))
		}
		if err := printReplay(a, v); err != nil {
			return err
		}
	}
	return failed
}

func replayOne(ctx context.Context, c *cli.Conn, letter *events.Record, v *deadView, done map[string]string) error {
	p, err := c.ReplayOf(letter)
	if err != nil {
		return err
	}
	what := "record " + v.Source
	if p.Task != "" {
		what = fmt.Sprintf("task %s of pool %s", p.Task, p.Pool)
	}
	if as, twice := done[what]; twice {
		return &client.Refused{Code: "REPLAYED", Message: fmt.Sprintf("the %s was replayed in this call already, as %s", what, as)}
	}
	var id events.TaskID
	if !v.DryRun {
		if id, err = c.Replay(ctx, p); err != nil {
			return err
		}
	}
	switch {
	case p.Task == "" && v.DryRun:
		v.SentTo = fmt.Sprintf("%s/%d", p.To.Topic, p.To.Partition)
	case p.Task == "":
		v.SentTo = query.Position{Topic: p.To.Topic, Partition: p.To.Partition, Offset: p.To.Offset}.String()
	case v.DryRun:
		v.ReplayedAs = string(p.Task) + ".rN"
	default:
		v.ReplayedAs = string(id)
	}
	done[what] = v.ReplayedAs + v.SentTo
	return nil
}

func printReplay(a *cli.App, v deadView) error {
	if a.JSON() {
		return a.Object(v)
	}
	would := ""
	if v.DryRun {
		would = "would be "
	}
	var err error
	switch {
	case v.Refused != nil: // The error says so at the end.
	case v.SentTo != "":
		err = a.Printf("dead letter %d: record %s %ssent again to %s\n", v.Offset, v.Source, would, v.SentTo)
	default:
		err = a.Printf("dead letter %d: task %s %ssubmitted again as %s\n", v.Offset, v.Task, would, v.ReplayedAs)
	}
	return err
}

func viewDead(r *events.Record) deadView {
	v := deadView{Offset: r.Offset, At: cli.Stamp(r.Timestamp), atMs: r.Timestamp}
	if p, ok := client.PoisonOf(r); ok {
		v.Code, v.Message, v.Source = string(client.CodePoisoned), p.Reason, p.Source()
		return v
	}
	_, m, err := events.Decode(r)
	switch m := m.(type) {
	case *events.DeadLetter:
		v.Code, v.Message, v.Source = m.Code, m.Message, place(m.Source)
	case *events.TaskRejected:
		v.Code, v.Message, v.Source = m.Code, m.Message, place(m.Source)
		v.Task, v.Pool = m.TaskId, m.Pool
	case *events.TaskDeadLettered:
		v.Code, v.Message = m.Error.GetCode(), m.Error.GetMessage()
		v.Task, v.Pool = m.TaskId, m.Pool
	default:
		v.Code = string(events.CodeBadEnvelope)
		if err != nil {
			v.Message = err.Error()
		}
	}
	return v
}

func place(s *events.Source) string {
	if s == nil {
		return ""
	}
	return query.Position{Topic: s.Topic, Partition: s.Partition, Offset: s.Offset}.String()
}
