package failover

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
)

// Site is one of the two.
type Site struct {
	// Name is what people, and replicators of the other site, call it.
	Name    string
	Cluster *cluster.Cluster
	Links   Links
}

// Links is what a site declares: a *replication.Site.
type Links interface {
	State(ctx context.Context, barrier bool) (replication.State, error)
	Apply(ctx context.Context, spec replication.Spec, expect int64) (replication.Link, error)
	FailOver(ctx context.Context, link string, f replication.FailOver) error
	Resume(ctx context.Context, link string, r replication.Resume) error
}

// Config says what is turned round, and how.
type Config struct {
	Link string
	// Here is the site of the link. Site is what groups and applications call it; Here.Name if
	// it is empty.
	Here Site
	Site string
	// Source opens the site that the link copies from; close what it returns. An error says
	// that it cannot be reached.
	Source func(ctx context.Context, l *replication.Link) (Site, error)
	// Prefix of the topics; that of both sites.
	Prefix string
	// Audit says how the link copies a topic; the clusters are filled in.
	Audit func(l *replication.Link, topic, target string) audit.Config
	// Quiet is for how long no record may come. Timeout bounds the wait for that, and that
	// for the copies; it must be longer.
	Quiet, Timeout time.Duration
	// Force goes on without a source that does not answer.
	Force bool
	// DryRun looks, and changes nothing.
	DryRun bool
	// Tell is told of each step as it begins, and of how far it has come.
	Tell func(step Step, text string)
}

// Step is one of a fail-over.
type Step string

// The steps, in their order.
const (
	Freeze   Step = "freeze"
	Drain    Step = "drain"
	Audit    Step = "audit"
	Groups   Step = "groups"
	LinkBack Step = "link_back"
	Pause    Step = "pause"
	Turn     Step = "turn"
	LookBack Step = "look_back"
)

// Report is what a fail-over has done, or would.
type Report struct {
	// Link is now paused, unless it is shared; Back leads back, at the site Source.
	Link, Back, Source string
	// BackTrouble is why it is not known whether the link back copies; empty if it is.
	BackTrouble string
	// Number counts the fail-overs of the two sites.
	Number int64
	// Partitions are those of the copied topics.
	Partitions []Partition
	Groups     []Group
	// Forced: the source was away. Unfinished: it still is, so that there is no link back;
	// the same command makes it once the source answers.
	Forced, Unfinished bool
	// Already: the fail-over had been made before.
	Already bool
}

// Partition is one of a copied topic.
type Partition struct {
	Topic, Target string
	Partition     int32
	// End is that of the source, where it was frozen, or as it was known last. After the
	// fail-over it is where the source ends now: with the copies that have come back there.
	// Next is up to where the source is copied.
	End, Next int64
	// Compared says that the audit has compared both sides: Same records are equal.
	Compared bool
	Same     int64
	// Left is how many records of the source, from Next on, are not copied, and Certain what
	// that number says. Gone is how many offsets were copied that the source does not have any
	// more.
	Left, Gone int64
	Certain    Certainty
	// At is when Next, and of a source that is away End, was known: when the replicator
	// reported it, or the source was asked.
	At time.Time
}

// Certainty is what a number of records that are not copied says. It is stable.
type Certainty string

// The certainties.
const (
	// Exact: the source was asked, and what is not copied stands there alone.
	Exact Certainty = "exact"
	// Waiting: so many offsets are yet to be copied; the fail-over waits for that.
	Waiting Certainty = "waiting"
	// LastKnown: so many offsets were not copied when it was reported last; what came to the
	// source later is not known.
	LastKnown Certainty = "last_known"
	// Unknown: no end of the source was reported, as by a replicator that has begun when the
	// link was paused. The number is 0 and says nothing.
	Unknown Certainty = "unknown"
)

// Group is where a consumer group goes on in a partition.
type Group struct {
	Name, Topic string
	// SourceMembers still read at the source; with TargetMembers nothing was committed.
	SourceMembers, TargetMembers int
	audit.Position
	// Committed says that it goes on at Target now; else it did before, or is further, or
	// is in use.
	Committed bool
}

// run is a fail-over that is made.
type run struct {
	Config
	declared replication.State
	link     replication.Link
	chooses  func(topic string) bool
	there    Site
	back     *replication.Link // as the other site has it; nil if it has none
	pairs    map[string]*audit.Pair
	Report
}

// Run fails a link over. With an error comes the report of what was done before.
func Run(ctx context.Context, c Config) (Report, error) {
	r := &run{Config: c, pairs: map[string]*audit.Pair{}}
	r.Report.Link = c.Link
	err := r.all(ctx)
	return r.Report, err
}

func (r *run) all(ctx context.Context) error {
	state, err := r.Here.Links.State(ctx, true)
	if err != nil {
		return err
	}
	l, there := state.Link(r.Config.Link)
	if !there {
		return &replication.Refused{What: fmt.Sprintf("fail link %.99q over", r.Config.Link), Code: events.CodeUnknownLink}
	}
	r.declared, r.link, r.Number = state, l, l.FailOvers
	if err := r.reversible(); err != nil {
		return err
	}
	var away error
	if r.there, away = r.Config.Source(ctx, &r.link); away == nil {
		away = r.leadsBack(ctx)
	}
	r.Report.Source = r.there.Name
	if err := r.held(away); err != nil {
		return err
	}
	if err := r.choice(ctx, away != nil); err != nil {
		return err
	}
	if err := r.known(ctx); err != nil {
		return err
	}
	if away != nil {
		return r.away(ctx, away)
	}
	if l.FailedOver {
		return r.finish(ctx)
	}
	return r.planned(ctx)
}

// planned makes all steps.
func (r *run) planned(ctx context.Context) error {
	for _, step := range []struct {
		name Step
		// text is told, or would of a dry run.
		text, would string
		do          func(context.Context) error
	}{
		{Freeze, "no record may come any more", "", r.freeze},
		{Drain, "all is to be copied", "", r.drain},
		{Audit, "both sides are compared", "", r.audit},
		{Groups, "the offsets of consumer groups are carried over", "the offsets of consumer groups would be carried over", r.groups},
		{LinkBack, "the link back is declared", "the link back would be declared", r.declareBack},
		{Pause, "the link is paused", "the link would be paused", r.pause},
		{Turn, "the link back begins", "the link back would begin", r.turn},
	} {
		switch {
		case r.link.Shared && step.name == LinkBack:
			r.tell(step.name, "both links are shared and go on: nothing is turned round")
		case r.link.Shared && (step.name == Pause || step.name == Turn):
		case r.DryRun && step.would != "":
			r.tell(step.name, "%s", step.would)
		default:
			r.tell(step.name, "%s", step.text)
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return r.lookBack(ctx)
}

func (r *run) tell(s Step, format string, args ...any) {
	if r.Tell != nil {
		r.Tell(s, fmt.Sprintf(format, args...))
	}
}

// fail is an error of the fail-over.
func (r *run) fail(code Code, err error, places []string, format string, args ...any) error {
	return &Error{Code: code, Link: r.Config.Link, Text: fmt.Sprintf(format, args...), Places: places, Err: err}
}

// at names a partition of the source.
func (p *Partition) at() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }
