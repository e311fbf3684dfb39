package id

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List spaces with what is free, live and in quarantine",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return reading(cmd.Context(), a, "", func(ctx context.Context, c *cli.Conn) error {
				spaces, read, err := c.Spaces(ctx)
				if err != nil {
					return err
				}
				return printSpaces(a, spaces, read)
			})
		},
	}
}

func printSpaces(a *cli.App, spaces []*query.Space, read []query.Position) error {
	t := &cli.Table{Head: []string{"SPACE", "FROM", "TO", "FREE", "LIVE", "QUARANTINED", "LARGEST FREE", "LASTS"}}
	for _, s := range spaces {
		if a.JSON() {
			if err := a.Object(s); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(s.Name), cli.Plain(s.From), cli.Plain(s.To), cli.Plain(s.Free), cli.Plain(s.Live), cli.Plain(s.Quarantined), cli.Plain(s.LargestFree), cli.Plain(lasts(s)))
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(ends(read))
}

// ends says on one short line up to where the partitions of a log were read.
func ends(read []query.Position) string {
	if len(read) == 0 {
		return "-"
	}
	at := make([]string, len(read))
	for i, p := range read {
		at[i] = fmt.Sprint(p.Offset)
	}
	return fmt.Sprintf("%s@%s", read[0].Topic, strings.Join(at, ","))
}

// lasts is how long what is free lasts, for people.
func lasts(s *query.Space) string {
	if s.LastsMs == nil {
		return "-"
	}
	d := (time.Duration(*s.LastsMs) * time.Millisecond).Round(time.Second)
	if d < 48*time.Hour {
		return d.String()
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func show(a *cli.App) *cobra.Command {
	var ranges bool
	c := &cobra.Command{
		Use:   "show SPACE[/ID]",
		Short: "Show a space, or which grant holds an identifier and since which event",
		Args:  cli.One("name of a space, or SPACE/ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, id, one := cutLast(args[0])
			if !one {
				name = args[0]
			}
			if err := cli.CheckID("the space", name); err != nil {
				return cli.Misuse(err)
			}
			return reading(cmd.Context(), a, name, func(ctx context.Context, c *cli.Conn) error {
				if one {
					i, err := c.Identifier(ctx, name, id)
					if err != nil {
						return err
					}
					return printIdentifier(a, i)
				}
				s, err := c.Space(ctx, args[0])
				if err != nil {
					return cmp.Or(noNumber(ctx, c, args[0]), err)
				}
				if err := printSpace(a, s); err != nil {
					return err
				}
				asOf := s.AsOf
				if ranges {
					asOf, err = c.Ranges(ctx, args[0], s.From, func(r query.Range) bool { return printRange(a, r) == nil })
				}
				if err != nil || a.JSON() {
					return err
				}
				return a.AsOf(asOf.String())
			})
		},
	}
	c.Flags().BoolVar(&ranges, "ranges", false, "with every range of it, in order")
	return c
}

// noNumber is the error of SPACE/ID if there is the space and the identifier is no number.
func noNumber(ctx context.Context, c *cli.Conn, text string) error {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return nil
	}
	if _, err := c.Space(ctx, text[:i]); err != nil {
		return nil //nolint:nilerr // It is the space that is not there.
	}
	return cli.Usage("identifier %q of space %q: give a number, as in %s/7", text[i+1:], text[:i], text[:i])
}

// cutLast takes SPACE/ID apart, where what follows the last slash is a number.
func cutLast(text string) (space string, id int64, ok bool) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return text, 0, false
	}
	id, err := strconv.ParseInt(text[i+1:], 10, 64)
	return text[:i], id, err == nil
}

func printSpace(a *cli.App, s *query.Space) error {
	if a.JSON() {
		return a.Object(s)
	}
	err := a.Printf("space %s\n", a.Colour(render.Bold, s.Name))
	for _, f := range [][2]string{
		{"identifiers", fmt.Sprintf("%d to %d, %d of them", s.From, s.To, s.Size)},
		{"free", fmt.Sprintf("%d, the largest range %d, fragmentation %.2f", s.Free, s.LargestFree, s.Fragmentation)},
		{"live", fmt.Sprintf("%d", s.Live)},
		{"quarantined", fmt.Sprintf("%d, each for %v", s.Quarantined, time.Duration(s.QuarantineMs)*time.Millisecond)},
		{"at most", fmt.Sprintf("%d a grant", s.MaxCount)},
		{"lasts", lasts(s)},
	} {
		if err == nil {
			err = a.Printf("  %-12s %s\n", f[0], f[1])
		}
	}
	return err
}

func printRange(a *cli.App, r query.Range) error {
	if a.JSON() {
		return a.Object(r)
	}
	text := ""
	if r.RequestID != "" {
		text = fmt.Sprintf("  %s  %s%s", r.RequestID, cli.Dash(r.Owner), until(r.Until))
	}
	return a.Printf("%20d  %20d  %-12s%s\n", r.From, r.To, r.State, text)
}

func watch(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "watch SPACE",
		Short: "Print what becomes of requests for a space as it happens",
		Long: `Print what becomes of requests for a space as it happens, until it is interrupted. There
must be such a space.`,
		Args: oneSpace,
		RunE: func(cmd *cobra.Command, args []string) error {
			return reading(cmd.Context(), a, args[0], func(ctx context.Context, c *cli.Conn) error {
				if _, err := c.Space(ctx, args[0]); err != nil {
					return err
				}
				a.Watching()
				cfg := query.TailConfig{Topic: c.Topics().IDEvents(), Partitions: []int32{events.SpacePartition(args[0])}, From: -1, Follow: true, Rewound: a.Rewound}
				err := c.Tail(ctx, cfg, func(r query.TailRecord) error {
					for m := range answers(r.Record) {
						if m.Space != args[0] {
							continue
						}
						if err := printAnswer(a, answerOf(m)); err != nil {
							return err
						}
					}
					return nil
				})
				return cmp.Or(err, ctx.Err())
			})
		},
	}
}

// answers gives those that a record holds. What cannot be read is no answer.
func answers(r *events.Record) iter.Seq[*events.IdsAnswered] {
	m, err := events.Message(r)
	together, ok := m.(*events.IdsRangesAnswered)
	if ok && err == nil {
		return together.Each()
	}
	return func(yield func(*events.IdsAnswered) bool) {
		if one, ok := m.(*events.IdsAnswered); ok && err == nil {
			yield(one)
		}
	}
}

// answerView is an answer as -o json prints it; the names are stable.
type answerView struct {
	Space     string `json:"space"`
	At        string `json:"at"`
	Command   string `json:"command"`
	RequestID string `json:"request_id"`
	Code      string `json:"code,omitempty"`
	Text      string `json:"text,omitempty"`
	From      int64  `json:"from,omitempty"`
	To        int64  `json:"to,omitempty"`
	Owner     string `json:"owner,omitempty"`
	// Until is when the lease ends, Ended where the grant ended that was asked for again.
	Until  string `json:"until,omitempty"`
	Ended  int64  `json:"ended,omitempty"`
	Offset int64  `json:"offset"`
}

func answerOf(m *events.IdsAnswered) answerView {
	return answerView{
		Space: m.Space, At: cli.Stamp(m.AtMs), Command: m.Command, RequestID: m.RequestId, Code: m.Code, Text: m.Text,
		From: m.Granted.GetFrom(), To: m.Granted.GetTo(), Owner: m.Granted.GetOwner(), Offset: m.Offset,
		Until: cli.Stamp(m.UntilMs), Ended: m.Ended,
	}
}

func printAnswer(a *cli.App, v answerView) error {
	if a.JSON() {
		return a.Object(v)
	}
	what := strings.TrimSuffix(strings.TrimPrefix(v.Command, "spanway.ids."), ".v1")
	result := "done"
	switch {
	case v.Code != "":
		result = v.Code + ": " + v.Text
	case v.Owner != "" || v.To > 0:
		result = fmt.Sprintf("%d-%d  %s", v.From, v.To, v.Owner)
	}
	return a.Printf("%s  %-20s  %s  %s%s\n", v.At, what, v.RequestID, result, until(v.Until))
}
