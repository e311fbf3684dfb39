package query

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// The cores of managers, and what they say, in which some answers are given.
type (
	// NetworksCore is that of the global manager, SiteCore that of a local one.
	NetworksCore = network.Core
	SiteCore     = site.Core
	// NetworkSite is how a site stands, as the global manager knows.
	NetworkSite = network.SiteStatus
	// AtSite is how an object stands at a site.
	AtSite = site.Status
)

// How far an object is at a site.
const (
	AtSiteFailed     = site.Failed
	AtSiteInConflict = site.InConflict
	AtSiteWaiting    = site.Waiting
	AtSiteInFlight   = site.InFlight
	AtSiteRealised   = site.Realised
)

// Drifted is the reason why an object of which something else was found is left as it is.
const Drifted = site.Drifted

// NetworkDeadline is how long sites have for a change that does not say.
const NetworkDeadline = network.DefaultDeadlineMs * time.Millisecond

// NetworkEra tells of a term which promotion it belongs to: one of a later era was begun by a
// global manager that was promoted elsewhere.
func NetworkEra(term uint64) uint64 { return network.Era(term) }

// Networks is the log of a global manager, folded.
type Networks struct {
	Core *NetworksCore
	AsOf Position
}

// Replaced is the refusal of all that is asked of a global manager that was replaced; ok is false if
// it was not.
func (n *Networks) Replaced() (code events.Code, text string, ok bool) {
	return network.Elsewhere.Code, network.Elsewhere.Message, n.Core.Replaced()
}

// Networks folds the log of a global manager to its end.
func (q *Querier) Networks(ctx context.Context) (*Networks, error) { return q.NetworksLog().Read(ctx) }

// NetworksLog is the log of a global manager that is read again and again. It is for one
// goroutine.
type NetworksLog struct {
	follower *eventlog.Follower
	topic    string
}

// NetworksLog returns the log; nothing is read yet.
func (q *Querier) NetworksLog() *NetworksLog {
	topic := q.topics.NetworkChanges()
	return &NetworksLog{topic: topic, follower: eventlog.NewFollower(eventlog.FollowerConfig{
		Log: q.log(topic, 0), Topic: topic, Snapshots: q.snapshots(topic, 0), Now: time.Now,
		NewFold: func() eventlog.Fold { return network.New() },
	})}
}

// Read folds what the log holds by now. What it returned before is used up.
func (l *NetworksLog) Read(ctx context.Context) (*Networks, error) {
	if err := l.follower.Barrier(ctx); err != nil {
		return nil, wrap(err, "read the networks")
	}
	return &Networks{Core: l.follower.Fold().(*network.Core), AsOf: Position{Topic: l.topic, Offset: l.follower.Next()}}, nil
}

// SiteLog is the log of a site's local manager that is read again and again. It is for one
// goroutine.
type SiteLog struct {
	follower *eventlog.Follower
	site     string
	topic    string
	since    map[string]int64
}

// SiteLog returns the log of the local manager of a site; nothing is read yet.
func (q *Querier) SiteLog(name string) *SiteLog {
	l := &SiteLog{site: name, topic: q.topics.NetworkStatus(), since: map[string]int64{}}
	l.follower = eventlog.NewFollower(eventlog.FollowerConfig{
		Log: q.log(l.topic, 0), Topic: l.topic, Snapshots: q.snapshots(l.topic, 0), Now: time.Now,
		NewFold: func() eventlog.Fold { return site.New(site.Config{Site: name, Topics: q.topics}) },
		Hooks:   eventlog.FollowerHooks{Visit: func(e events.Logged, _ *events.Record) { l.note(e.Message) }},
	})
	return l
}

// note notes when something happened to an object.
func (l *SiteLog) note(m proto.Message) {
	switch m := m.(type) {
	case *events.NetworkEntryApplied:
		for _, r := range m.GetEntry().GetPuts() {
			l.since[r.GetObject().GetPath()] = m.AtMs
		}
		for _, p := range m.GetEntry().GetRemoves() {
			l.since[p] = m.AtMs
		}
	case interface {
		GetPath() string
		GetAtMs() int64
	}:
		l.since[m.GetPath()] = m.GetAtMs()
	}
}

// SiteStands is the log of a site's local manager, folded.
type SiteStands struct {
	Core *SiteCore
	AsOf Position
	// Since is when something happened last to what has a path, in milliseconds since the Unix
	// epoch, as far as the log still tells. It changes with the next Read.
	Since map[string]int64
}

// Read folds what the log holds by now: nothing, if the site has no local manager.
func (l *SiteLog) Read(ctx context.Context) (*SiteStands, error) {
	if err := l.follower.Barrier(ctx); err != nil {
		return nil, wrap(err, "read what stands at site %s", l.site)
	}
	return &SiteStands{Core: l.follower.Fold().(*site.Core), AsOf: Position{Topic: l.topic, Offset: l.follower.Next()}, Since: l.since}, nil
}

// NetworkHistory gives the events of the log of a global manager that count, from the first
// that it still holds to its end, and says how far that was.
func (q *Querier) NetworkHistory(ctx context.Context, see func(events.Logged)) (Position, error) {
	topic := q.topics.NetworkChanges()
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: q.log(topic, 0), Topic: topic, From: eventlog.AtStart, Now: time.Now,
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) { see(l) }},
	})
	if err := f.Barrier(ctx); err != nil {
		return Position{}, wrap(err, "read the history of the networks")
	}
	return Position{Topic: topic, Offset: f.Next()}, nil
}
