package networks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Client asks a global manager. It is safe for concurrent use, and needs no closing.
type Client struct {
	cfg     Config
	topics  events.Topics
	encoder events.Encoder
	guard   *mirrored.Guard
	sends   messaging.Spans
}

// scope names what the client traces.
const scope = "github.com/spanway/spanway/pkg/networks"

// New makes a client; it connects on first use.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	topics := events.Topics{Prefix: cfg.Prefix}
	return &Client{
		cfg: cfg, topics: topics, encoder: events.Encoder{Source: cfg.Source, JSON: cfg.JSON},
		guard: cfg.Cluster.Guard(cfg.Prefix, topics.NetworkChanges()),
		sends: messaging.Sends(messaging.Tracer(scope), topics.NetworkRequests()),
	}, nil
}

// Apply creates, replaces and deletes objects: all of it or nothing.
func (c *Client) Apply(ctx context.Context, m *events.NetworkChangeRequested) (*events.NetworkChanged, error) {
	return ask[*events.NetworkChanged](ctx, c, m, "apply a change")
}

// Withdraw puts back what a change replaced, by a change of its own.
func (c *Client) Withdraw(ctx context.Context, change uint64, reason string) (*events.NetworkChanged, error) {
	return ask[*events.NetworkChanged](ctx, c, &events.NetworkWithdrawRequested{Change: change, Reason: reason}, "withdraw change %d", change)
}

// AddSite adds a site, or gives one that is there other labels.
func (c *Client) AddSite(ctx context.Context, site network.Site) error {
	_, err := ask[*events.NetworkSiteAdded](ctx, c, &events.NetworkSiteRequested{Site: site.Name, Labels: site.Labels}, "add site %.256q", site.Name)
	return err
}

// RetireSite takes a site out. If objects are there it is refused, unless it is forced.
func (c *Client) RetireSite(ctx context.Context, site string, force bool) (*events.NetworkSiteRetired, error) {
	return ask[*events.NetworkSiteRetired](ctx, c, &events.NetworkSiteRetireRequested{Site: site, Force: force}, "retire site %.256q", site)
}

// Resync orders a full sync of a site.
func (c *Client) Resync(ctx context.Context, site, reason string) (*events.NetworkSyncOrdered, error) {
	return ask[*events.NetworkSyncOrdered](ctx, c, &events.NetworkResyncRequested{Site: site, Reason: reason}, "order a full sync of site %.256q", site)
}

// AbortResync gives up a full sync that was asked for.
func (c *Client) AbortResync(ctx context.Context, site, reason string) (*events.NetworkSyncEnded, error) {
	return ask[*events.NetworkSyncEnded](ctx, c, &events.NetworkResyncRequested{Site: site, Reason: reason, Abort: true}, "give up the full sync of site %.256q", site)
}

// Import hands over to the global manager a part of what another one has decided. It counts once
// Promote names all of them.
func (c *Client) Import(ctx context.Context, part *events.NetworkImportRequested) error {
	_, err := ask[*events.NetworkImported](ctx, c, part, "import part %d of %.256q", part.Number, part.ImportId)
	return err
}

// Promote begins a term: of what was imported, or, without an import ID, of a log that has lost
// its end.
func (c *Client) Promote(ctx context.Context, m *events.NetworkPromoteRequested) (*events.NetworkPromoted, error) {
	return ask[*events.NetworkPromoted](ctx, c, m, "promote the global manager")
}

// ask sends a command, and waits for what is decided of it. The error says what was done, by
// the format, if it is not that the log is a copy.
func ask[M proto.Message](ctx context.Context, c *Client, command proto.Message, format string, args ...any) (done M, err error) {
	answer, err := c.ask(ctx, command)
	if err != nil {
		return done, fmt.Errorf(format+": %w", append(args, err)...)
	}
	done, ok := answer.(M)
	if !ok {
		return done, fmt.Errorf(format+": the answer is a %T", append(args, answer)...)
	}
	return done, nil
}

// Waits.
const (
	fetchWait = 2 * time.Second
	pause     = 200 * time.Millisecond
)

func (c *Client) ask(ctx context.Context, command proto.Message) (proto.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	if err := c.guard.Writable(ctx, 0); err != nil {
		return nil, err
	}
	id := uuid.Must(uuid.NewV7()).String()
	sending, span := c.sends.Start(ctx, trace.WithAttributes(messaging.MessageID(id)))
	record, err := c.encoder.Encode(id, command, messaging.Inject(sending)...)
	if err != nil {
		messaging.Sent(span, 0, err)
		return nil, err
	}
	record.Timestamp = time.Now().UnixMilli()
	var answer proto.Message
	topic := c.topics.NetworkChanges()
	log := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: c.cfg.Cluster.Partition(topic, 0), Topic: topic, From: eventlog.AtEnd, Now: time.Now,
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(interface{ GetRequestId() string }); ok && answer == nil && m.GetRequestId() == id {
				answer = l.Message
			}
		}},
	})
	if err := log.Begin(ctx); err != nil {
		messaging.Sent(span, 0, err)
		return nil, err
	}
	at, err := c.cfg.Cluster.Partition(c.topics.NetworkRequests(), 0).Append(ctx, []events.Record{record})
	messaging.Sent(span, at, err)
	if err != nil {
		if cluster.IsDenied(err) {
			return nil, err
		}
		return nil, &Unanswered{id, err}
	}
	try := c.cfg.Cluster.Kafka().Board().New("read what was decided on " + topic)
	defer try.End()
	for answer == nil {
		switch err := log.Step(ctx, fetchWait); {
		case answer != nil:
		case ctx.Err() != nil:
			return nil, &Unanswered{id, ctx.Err()}
		case err != nil && eventlog.Final(err):
			return nil, &Unanswered{id, err}
		case err != nil:
			try.Again(ctx, err, pause)
		default:
			try.Passed()
		}
	}
	if m, ok := answer.(*events.NetworkRefused); ok {
		return nil, refusal(m)
	}
	return answer, nil
}
