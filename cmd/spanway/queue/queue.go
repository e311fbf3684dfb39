package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// Command is the noun queue.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("queue", "Persistent queues that every host sees in the same order",
		create(a), configure(a), enqueue(a), list(a), show(a), remove(a), trim(a), claim(a), extend(a), done(a), release(a), remaining(a), watch(a))
}

// opened runs f with a queue that exists.
func opened(ctx context.Context, a *cli.App, name string, f func(ctx context.Context, q *queue.Queue) error) error {
	return openedAs(ctx, a, name, cli.Instance(), f)
}

// openedAs is opened for what claims under a holder's name.
func openedAs(ctx context.Context, a *cli.App, name, holder string, f func(ctx context.Context, q *queue.Queue) error) error {
	return openedOn(ctx, a, name, holder, func(ctx context.Context, _ *cluster.Cluster, q *queue.Queue) error { return f(ctx, q) })
}

// openedOn is openedAs for what needs the connection, too.
func openedOn(ctx context.Context, a *cli.App, name, holder string, f func(ctx context.Context, c *cluster.Cluster, q *queue.Queue) error) error {
	if err := events.CheckQueue(name); err != nil {
		return cli.Misuse(err)
	}
	return clustered(ctx, a, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) (err error) {
		o := options(a, log)
		o.Holder = holder
		q, err := queue.Open(ctx, c, name, o)
		if err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, q.Close()) }()
		return outcome(name, f(ctx, c, q))
	})
}

// clustered runs f with brokers that answer. With -o json refusals are printed.
func clustered(ctx context.Context, a *cli.App, f func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error) error {
	return printRefusals(a, a.Answering(ctx, f))
}

// unknownOutcome is a call of which the command does not know what became.
type unknownOutcome struct {
	queue string
	call  *sharedlog.UnknownError
	err   error
}

// outcome is an error as a person can act on it, who has no call to resolve.
func outcome(queue string, err error) error {
	var unknown *sharedlog.UnknownError
	if errors.As(err, &unknown) {
		return &unknownOutcome{queue, unknown, err}
	}
	return err
}

func (e *unknownOutcome) Error() string {
	plain := fmt.Sprintf("whether it was done is not known; look (spanway queue list %s), and repeat the command if it was not: %v", e.queue, e.call.Err)
	return strings.Replace(e.err.Error(), e.call.Error(), plain, 1)
}

func (e *unknownOutcome) Unwrap() error { return e.err }

// listed runs f with the entries of a queue that exists.
func listed(ctx context.Context, a *cli.App, name string, f func(ctx context.Context, l *queue.Listing) error) error {
	if err := events.CheckQueue(name); err != nil {
		return cli.Misuse(err)
	}
	return clustered(ctx, a, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		l, err := queue.List(ctx, c, name, options(a, log))
		if err != nil {
			return err
		}
		defer l.Close()
		return f(ctx, l)
	})
}

func options(a *cli.App, log *slog.Logger) queue.Options {
	return queue.Options{Prefix: a.Prefix, Source: a.Source(), Brief: true, Logger: log}
}

// asOf says up to where a queue's log was folded.
func asOf(a *cli.App, name string, at queue.Position) string {
	return fmt.Sprintf("%s/0@%d", events.Topics{Prefix: a.Prefix}.Queue(name), at.Offset)
}

// entryView is an entry as -o json prints it; the names are stable.
type entryView struct {
	ID    string     `json:"id"`
	Seq   int64      `json:"seq"`
	Size  int64      `json:"size"`
	Claim *claimView `json:"claim,omitempty"`
	*payloadView
	// AsOf is up to where the log was folded, where all that is printed is an entry.
	AsOf string `json:"as_of,omitempty"`
}

type claimView struct {
	Token  string `json:"token"`
	Holder string `json:"holder"`
	// Until is when the lease ends at the earliest, by the clock of its holder.
	Until string `json:"until,omitempty"`
}

// payloadView is what an entry holds: as text if it is some, else in base64.
type payloadView struct {
	Payload     *string `json:"payload,omitempty"`
	Base64      []byte  `json:"payload_base64,omitempty"`
	PayloadType string  `json:"payload_type,omitempty"`
	At          string  `json:"at,omitempty"`
}

// viewEntry is of an entry of the queue with that creation.
func viewEntry(e queue.Entry, creation uint64) entryView {
	v := entryView{ID: e.ID, Seq: e.Seq, Size: e.Size}
	if e.Claim != nil {
		v.Claim = &claimView{Token: token{e.Claim.Token, creation}.String(), Holder: e.Claim.Holder, Until: cli.Stamp(e.Claim.UntilMs)}
	}
	return v
}

func viewPayload(p queue.Payload) *payloadView {
	v := &payloadView{PayloadType: p.Type, At: cli.Stamp(p.AtMs)}
	if v.Payload = cli.Text(p.Data); v.Payload == nil {
		v.Base64 = p.Data
	}
	return v
}

// text is what a person sees of a payload.
func (v *payloadView) text() string {
	if v == nil {
		return ""
	}
	if v.Payload == nil {
		return fmt.Sprintf("(%d bytes)", len(v.Base64))
	}
	return *v.Payload
}

// holder is which process has claimed an entry.
func (v entryView) holder() string {
	if v.Claim == nil {
		return "-"
	}
	return v.Claim.Holder
}

// until is when its lease ends at the earliest.
func (v entryView) until() string {
	if v.Claim == nil {
		return "-"
	}
	return cli.Dash(v.Claim.Until)
}

// kinds are the words for what IDs are.
var kinds = map[string]events.QueueIDs{
	"any": events.QueueIDs_QUEUE_IDS_ANY, "uuidv7": events.QueueIDs_QUEUE_IDS_UUIDV7, "space": events.QueueIDs_QUEUE_IDS_SPACE,
	"sequence": events.QueueIDs_QUEUE_IDS_SEQUENCE,
}

func kindOf(k events.QueueIDs) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "QUEUE_IDS_"))
}
