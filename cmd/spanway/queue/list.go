package queue

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// listing is what list is to print.
type listing struct {
	after, limit int64
	payloads     bool
}

func list(a *cli.App) *cobra.Command {
	l := listing{}
	c := &cobra.Command{
		Use:   "list [NAME]",
		Short: "List queues, or the entries of one in their order",
		Long: `Without a name: the queues of this cluster. With one: its entries in their order,
the same at every host, as they were when the command began. However many there are, it
holds a part of them at a time; the others are in a temporary file ($TMPDIR), in about 60
bytes each.`,
		Args: cli.AtMostOne("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && (cmd.Flags().Changed("after") || cmd.Flags().Changed("limit") || l.payloads):
				return cli.Usage("--after, --limit and --payloads are of the entries of one queue: give its name")
			case l.limit < 0 || l.after < -1:
				return cli.Usage("--limit and --after: give 0 or more")
			}
			defer collectOften()()
			switch {
			case len(args) == 0:
				return clustered(cmd.Context(), a, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
					return printQueues(ctx, a, c, log)
				})
			}
			return listed(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Listing) error {
				return l.print(ctx, a, args[0], q)
			})
		},
	}
	c.Flags().Int64Var(&l.after, "after", -1, "entries behind this sequence number")
	c.Flags().Int64Var(&l.limit, "limit", 0, "so many at most; 0: all")
	c.Flags().BoolVar(&l.payloads, "payloads", false, "with what they hold")
	return c
}

// collectOften lets garbage grow to a quarter of what is held, until the function that it
// returns is called; unless GOGC says otherwise. What is held of a queue has few pointers, so
// that collecting costs little; and there is as much garbage as is allowed when a large queue
// is read.
func collectOften() (asBefore func()) {
	const usual, often = 100, 25
	before := debug.SetGCPercent(often)
	if before != usual {
		debug.SetGCPercent(before)
	}
	return func() { debug.SetGCPercent(before) }
}

// print prints entries one by one. All are of the place in the log that is named at the end.
func (l listing) print(ctx context.Context, a *cli.App, name string, q *queue.Listing) error {
	if err := l.printHead(a); err != nil {
		return err
	}
	left, at := l.limit, asOf(a, name, q.At())
	for e, err := range q.Entries(l.after) {
		if err != nil {
			return err
		}
		v := viewEntry(e, q.Creation())
		v.AsOf = at
		if l.payloads {
			p, err := q.Payload(ctx, e)
			if err != nil {
				return err
			}
			v.payloadView = viewPayload(p)
		}
		if err := l.printEntry(a, v); err != nil {
			return err
		}
		if left--; left == 0 {
			break
		}
	}
	if a.JSON() {
		return nil
	}
	return a.AsOf(at)
}

// row is how an entry is printed: columns are as wide for each, since only one is seen.
const row = "%12s  %8s  %-24s  %-24s  %s"

func (l listing) printHead(a *cli.App) error {
	if a.JSON() {
		return nil
	}
	title := fmt.Sprintf(row, "SEQ", "SIZE", "HELD BY", "UNTIL", "ID")
	if l.payloads {
		title += "  PAYLOAD"
	}
	return a.Printf("%s\n", a.Colour(render.Bold, title))
}

func (l listing) printEntry(a *cli.App, v entryView) error {
	if a.JSON() {
		return a.Object(v)
	}
	line := fmt.Sprintf(row, fmt.Sprint(v.Seq), fmt.Sprint(v.Size), v.holder(), v.until(), v.ID)
	if l.payloads {
		line += "  " + v.text()
	}
	return a.Printf("%s\n", line)
}

// queueView is a queue as -o json prints it; the names are stable.
type queueView struct {
	Queue         string `json:"queue"`
	Entries       int    `json:"entries"`
	Claimed       int    `json:"claimed"`
	Bytes         int64  `json:"bytes"`
	IDs           string `json:"ids"`
	Space         string `json:"space,omitempty"`
	MaxEntries    int64  `json:"max_entries"`
	MaxBytes      int64  `json:"max_bytes"`
	MaxEntryBytes int64  `json:"max_entry_bytes"`
	Removed       int    `json:"removed_remembered"`
	RemovedBytes  int64  `json:"removed_bytes"`
	// Last is the newest ID that was ever put in, and Next the number that comes next, where the
	// IDs are a sequence.
	Last    string     `json:"last,omitempty"`
	Next    uint64     `json:"next,omitempty"`
	Holders []string   `json:"holders"`
	Until   string     `json:"until,omitempty"` // when the first lease ends at the earliest
	Head    *entryView `json:"head,omitempty"`
	AsOf    string     `json:"as_of"`
}

func viewQueue(a *cli.App, name string, i queue.Info, creation uint64) queueView {
	v := queueView{
		Queue: name, Entries: i.Counts.Entries, Claimed: i.Counts.Claimed, Bytes: i.Counts.Bytes,
		IDs: kindOf(i.Rules.IDs), Space: i.Rules.Space,
		MaxEntries: i.Rules.MaxEntries, MaxBytes: i.Rules.MaxBytes, MaxEntryBytes: i.Rules.MaxEntryBytes,
		Removed: i.Counts.Removed, RemovedBytes: i.Counts.RemovedBytes,
		Holders: append([]string{}, i.Holders...), Until: cli.Stamp(i.FirstUntilMs), AsOf: asOf(a, name, i.At),
	}
	if i.Last != (queue.Sequence{}) {
		v.Last = i.Last.String()
	}
	v.Next = i.Next
	if i.Head != nil {
		head := viewEntry(*i.Head, creation)
		v.Head = &head
	}
	return v
}

func printQueues(ctx context.Context, a *cli.App, c *cluster.Cluster, log *slog.Logger) error {
	topics := events.Topics{Prefix: a.Prefix}
	there, err := c.Kafka().Topics(ctx, topics.Queue(""))
	if err != nil {
		return err
	}
	var names []string
	for _, topic := range there {
		if name, ok := topics.QueueOf(topic.Name); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var views []queueView
	for _, name := range names {
		q, err := queue.Open(ctx, c, name, options(a, log))
		if err != nil {
			a.Notef("queue %s cannot be opened: %v\n", name, err)
			continue
		}
		i, err := q.Info(ctx, false)
		_ = q.Close() // It was only read.
		if err != nil {
			return err
		}
		views = append(views, viewQueue(a, name, i, q.Creation()))
	}
	return printTable(a, views)
}

func printTable(a *cli.App, views []queueView) error {
	t := &cli.Table{Head: []string{"QUEUE", "ENTRIES", "CLAIMED", "UNTIL", "BYTES", "IDS", "AS OF"}}
	for _, v := range views {
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.Queue), cli.Plain(v.Entries), cli.Plain(v.Claimed), cli.Plain(cli.Dash(v.Until)), cli.Plain(v.Bytes), cli.Plain(v.IDs), cli.Plain(v.AsOf))
	}
	if a.JSON() {
		return nil
	}
	return a.Table(t)
}

func show(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME [ID]",
		Short: "Show a queue, or one entry with what it holds",
		Args:  cli.Some("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return cli.Usage("give the name of a queue and the ID of one entry at most")
			}
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				if len(args) == 2 {
					return showEntry(ctx, a, q, args[1])
				}
				i, err := q.Info(ctx, true)
				if err != nil {
					return err
				}
				return printQueue(a, viewQueue(a, args[0], i, q.Creation()))
			})
		},
	}
}

func printQueue(a *cli.App, v queueView) error {
	if a.JSON() {
		return a.Object(v)
	}
	a.Printf("queue %s\n", a.Colour(render.Bold, v.Queue))
	head := "-"
	if v.Head != nil {
		head = fmt.Sprintf("%d %s", v.Head.Seq, v.Head.ID)
	}
	ids := v.IDs
	if v.Space != "" {
		ids += " " + v.Space
	}
	if v.IDs == kindOf(events.QueueIDs_QUEUE_IDS_SEQUENCE) {
		ids += fmt.Sprintf(", last %s, next number %d", cli.Dash(v.Last), v.Next)
	}
	for _, f := range [][2]string{
		{"entries", fmt.Sprintf("%d of %d, %d claimed", v.Entries, v.MaxEntries, v.Claimed)},
		{"bytes", fmt.Sprintf("%d of %d, an entry at most %d", v.Bytes, v.MaxBytes, v.MaxEntryBytes)},
		{"ids", ids},
		{"removed", fmt.Sprintf("%d remembered, in %d bytes", v.Removed, v.RemovedBytes)},
		{"head", head},
		{"held by", cli.Dash(strings.Join(v.Holders, " "))},
		{"until", cli.Dash(v.Until)},
	} {
		a.Printf("  %-8s %s\n", f[0], f[1])
	}
	return a.AsOf(v.AsOf)
}

func showEntry(ctx context.Context, a *cli.App, q *queue.Queue, id string) error {
	e, state, at, err := q.Find(ctx, id, true)
	switch {
	case err != nil:
		return err
	case state == queue.Removed:
		return &queue.Refused{Queue: q.Name(), What: fmt.Sprintf("show %.99q", id), ID: id, Code: events.CodeAlreadyRemoved}
	case state != queue.Held:
		return &queue.Refused{Queue: q.Name(), What: fmt.Sprintf("show %.99q", id), ID: id, Code: events.CodeUnknownEntry}
	}
	p, err := q.Payload(ctx, e)
	if err != nil {
		return err
	}
	v := viewEntry(e, q.Creation())
	v.payloadView, v.AsOf = viewPayload(p), asOf(a, q.Name(), at)
	return printEntry(a, v)
}

func printEntry(a *cli.App, v entryView) error {
	if a.JSON() {
		return a.Object(v)
	}
	a.Printf("entry %s\n", a.Colour(render.Bold, v.ID))
	claim := "-"
	if v.Claim != nil {
		claim = fmt.Sprintf("%s, token %s, until %s", v.Claim.Holder, v.Claim.Token, v.until())
	}
	p := payloadView{}
	if v.payloadView != nil {
		p = *v.payloadView
	}
	for _, f := range [][2]string{
		{"seq", fmt.Sprint(v.Seq)}, {"at", p.At}, {"type", cli.Dash(p.PayloadType)}, {"claim", claim}, {"payload", p.text()},
	} {
		a.Printf("  %-8s %s\n", f[0], f[1])
	}
	return a.AsOf(v.AsOf)
}
