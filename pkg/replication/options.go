package replication

import (
	"cmp"
	"log/slog"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Options say how a process works with a site. All may be left out.
type Options struct {
	// Prefix of the topics; "spanway." if empty.
	Prefix string
	// Source becomes the ce_source of the records; "/spanway/replication" if empty.
	Source string
	// JSON writes records as JSON instead of protobuf.
	JSON bool
	// Create makes topics that are missing. Without it a site where nothing was declared
	// yet cannot be opened: the error is ErrNothingDeclared.
	Create bool
	// Brief: this process is soon over, as a command is. It writes no snapshots.
	Brief bool
	// Snapshots says when snapshots are written, and how much of the log is kept.
	Snapshots logowner.Snapshots
	// Logger is told of what is tried again; slog.Default() if nil.
	Logger *slog.Logger
	// Meter makes the metrics; none if nil.
	Meter metric.Meter
}

func (o Options) withDefaults() Options {
	o.Prefix = cmp.Or(o.Prefix, events.DefaultPrefix)
	o.Source = cmp.Or(o.Source, "/spanway/replication")
	return o
}

func (o Options) topics() events.Topics { return events.Topics{Prefix: o.Prefix} }

func (o Options) encoder() events.Encoder { return events.Encoder{Source: o.Source, JSON: o.JSON} }

// What a site declares, as its core has it.
type (
	// Spec is what a link says.
	Spec = links.Spec
	// Link is one of the site, and Resumption what was said of its copies.
	Link       = links.Link
	Resumption = links.Resumption
	// Routing and Policies are parts of a Spec.
	Routing  = links.Routing
	Policies = links.Policies
	// Group is a named set of topics.
	Group = links.Group
)

// Revisions that Apply may expect instead of one that was seen.
const (
	// Any: whatever the link is now.
	Any int64 = 0
	// Absent: there must be no such link.
	Absent int64 = -1
)
