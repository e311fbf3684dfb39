package links

import (
	"cmp"

	"github.com/spanway/spanway/pkg/events"
)

// Model says how a link chooses what it copies.
type Model string

// The models.
const (
	// Topic: the topics that Include matches and Exclude does not.
	Topic Model = "topic"
	// Grouped: the topics of Groups.
	Grouped Model = "group"
	// Routed: as Topic, and of these the records that name the site in a header.
	Routed Model = "routed"
)

// Policy says what a copy does when it cannot copy all.
type Policy string

// The policies.
const (
	Stop Policy = "stop"
	GoOn Policy = "go_on"
)

// Spec is what a link says. The names in JSON and YAML are stable.
type Spec struct {
	Name string `json:"name"`
	// Source is the cluster that is copied from, as the configuration of the replicator
	// names it.
	Source string `json:"source"`
	// Model is Topic if it is empty.
	Model Model `json:"model,omitempty"`
	// Include and Exclude are patterns of names of topics, in the syntax of RE2. The whole
	// name must match.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Groups are names of groups, for the model Grouped.
	Groups []string `json:"groups,omitempty"`
	// Applications are patterns of names of applications: what these announce at the
	// source is copied, too. None if it is empty.
	Applications []string `json:"applications,omitempty"`
	// Prefix is put before the name of a topic to get that of its copy.
	Prefix string `json:"prefix,omitempty"`
	// Shared: others may write to the copies' topics, too. Relay: records that are copies
	// themselves are copied. Unfenced: copy also where the site's cluster does not fence
	// earlier writers.
	Shared   bool `json:"shared,omitempty"`
	Relay    bool `json:"relay,omitempty"`
	Unfenced bool `json:"unfenced,omitempty"`
	// Routing is for the model Routed, and for applications of that model.
	Routing Routing `json:"routing,omitzero"`
	// On says what to do when not all can be copied.
	On Policies `json:"on,omitzero"`
	// BytesPerSecond and RecordsPerSecond bound all copies of the link together; 0 is no
	// bound. Of several replicators each has as much of it as it has of the copies.
	BytesPerSecond   int64 `json:"bytes_per_second,omitempty"`
	RecordsPerSecond int64 `json:"records_per_second,omitempty"`
}

// Routing says how the destinations of a record are read.
type Routing struct {
	// Header holds the names of sites, separated by commas; "sites" if it is empty.
	Header string `json:"header,omitempty"`
	// Allowed are the sites that a record may name; any if it is empty.
	Allowed []string `json:"allowed,omitempty"`
	// Unrouted copies a record that names no site.
	Unrouted bool `json:"unrouted,omitempty"`
	// PassUnknown passes over names that are not allowed. Otherwise such a record cannot be
	// copied.
	PassUnknown bool `json:"pass_unknown,omitempty"`
}

// Policies are Stop where they are empty.
type Policies struct {
	// Recreated: the source topic was created again, or has lost records.
	Recreated Policy `json:"recreated,omitempty"`
	// Overtaken: retention deleted records of the source before they were copied.
	Overtaken Policy `json:"overtaken,omitempty"`
	// Uncopyable: the target does not take a record, or its routing cannot be read.
	Uncopyable Policy `json:"uncopyable,omitempty"`
}

// Link is one of the site. It must not be changed.
type Link struct {
	Spec
	// Paused: its copies keep their places. Reason is for people.
	Paused bool   `json:"paused,omitempty"`
	Reason string `json:"reason,omitempty"`
	// FailedOver: a fail-over has paused the link. FailOvers is the number of its last one,
	// which counts those of the two sites as far as they were known.
	FailedOver bool  `json:"failed_over,omitempty"`
	FailOvers  int64 `json:"fail_overs,omitempty"`
	// NoLinkBack: its source was away then, and no link back was declared since.
	NoLinkBack bool `json:"no_link_back,omitempty"`
	// DeclaredMs is when the link was made, by the clock of whoever did.
	DeclaredMs int64 `json:"declared_ms,omitempty"`
	// Since is the offset behind the record that made the link: of two links the one with
	// the lower one is older. Revision is that behind its last change.
	Since    int64 `json:"since"`
	Revision int64 `json:"revision"`
	// Resumed are what was said of copies that have stopped.
	Resumed []Resumption `json:"resumed,omitempty"`
}

// Resumption is what an operator has said of copies that have stopped.
type Resumption struct {
	// Topic is that of the source; all if it is empty. Partition is -1 for all.
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition"`
	// Generation is the one to begin at the offset From of the source, or at the first that
	// it has; 0: none.
	Generation uint32 `json:"generation,omitempty"`
	From       int64  `json:"from,omitempty"`
	// Tolerate is the offset in the target below which records of others are no reason to
	// stop.
	Tolerate int64 `json:"tolerate,omitempty"`
	// Revision is the offset behind the record that said it last: copies that have stopped
	// before are to be tried again.
	Revision int64 `json:"revision"`
}

// Group is a named set of topics, bound to sites. It must not be changed.
type Group struct {
	Name string `json:"name"`
	// Topics are names of topics of the source. Sites are those that they are copied to;
	// all that have a link with the group if it is empty.
	Topics []string `json:"topics,omitempty"`
	Sites  []string `json:"sites,omitempty"`
	// Revision is the offset behind its last change.
	Revision int64 `json:"revision,omitempty"`
}

// SpecOf reads what a message says, and fills in the model and the policies.
func SpecOf(m *events.ReplicationLink) Spec {
	s := Spec{
		Name: m.GetName(), Source: m.GetSource(), Model: Model(m.GetModel()),
		Include: m.GetInclude(), Exclude: m.GetExclude(), Groups: m.GetGroups(), Applications: m.GetApplications(),
		Prefix: m.GetPrefix(), Shared: m.GetShared(), Relay: m.GetRelay(), Unfenced: m.GetUnfenced(),
		BytesPerSecond: m.GetBytesPerSecond(), RecordsPerSecond: m.GetRecordsPerSecond(),
	}
	if r := m.GetRouting(); r != nil {
		s.Routing = Routing{Header: r.Header, Allowed: r.Allowed, Unrouted: r.Unrouted, PassUnknown: r.PassUnknown}
	}
	on := m.GetOn()
	s.On = Policies{Recreated: Policy(on.GetRecreated()), Overtaken: Policy(on.GetOvertaken()), Uncopyable: Policy(on.GetUncopyable())}
	return s.filled()
}

// filled is the link with its model and policies filled in.
func (s Spec) filled() Spec {
	s.Model = cmp.Or(s.Model, Topic)
	for _, p := range []*Policy{&s.On.Recreated, &s.On.Overtaken, &s.On.Uncopyable} {
		*p = cmp.Or(*p, Stop)
	}
	return s
}

// Message is the link as a record says it.
func (s Spec) Message() *events.ReplicationLink {
	s = s.filled()
	m := &events.ReplicationLink{
		Name: s.Name, Source: s.Source, Model: string(s.Model), Include: s.Include, Exclude: s.Exclude, Groups: s.Groups,
		Applications: s.Applications, Prefix: s.Prefix, Shared: s.Shared, Relay: s.Relay, Unfenced: s.Unfenced,
		On:             &events.ReplicationPolicies{Recreated: string(s.On.Recreated), Overtaken: string(s.On.Overtaken), Uncopyable: string(s.On.Uncopyable)},
		BytesPerSecond: s.BytesPerSecond, RecordsPerSecond: s.RecordsPerSecond,
	}
	if !s.Routing.zero() {
		m.Routing = &events.ReplicationRouting{Header: s.Routing.Header, Allowed: s.Routing.Allowed, Unrouted: s.Routing.Unrouted, PassUnknown: s.Routing.PassUnknown}
	}
	return m
}

func (r *Routing) zero() bool {
	return r.Header == "" && len(r.Allowed) == 0 && !r.Unrouted && !r.PassUnknown
}
