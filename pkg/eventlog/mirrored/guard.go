package mirrored

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Source is where a Guard looks. It is safe for concurrent use.
type Source struct {
	// List tells which topics begin with a prefix, with their numbers of partitions. One that
	// was deleted just now is none: it would be waited for.
	List func(ctx context.Context, prefix string) (map[string]int32, error)
	// Open gives a partition to read from.
	Open func(topic string, partition int32) eventlog.Log
}

// Guard refuses what would be written under a prefix whose logs are copies: requests to
// their owners, new queues, claims. What is written there would stand where a replicator
// writes alone, and nothing would decide on it. It looks once; what it has found it
// remembers. It is safe for concurrent use.
type Guard struct {
	source Source
	topics events.Topics
	log    string
	known  atomic.Pointer[verdict]
	// looking holds one while it is found out.
	looking chan struct{}
}

// verdict is what was found; nil is no refusal. It holds until a time; for ever if zero.
type verdict struct {
	refusal *eventlog.ReadOnlyError
	until   time.Time
}

// lookAgain is after how long it is looked again where nothing stands that tells whether
// it is a copy, or where that must not be read.
const lookAgain = time.Second

// NewGuard guards what leads to one log under a prefix.
func NewGuard(source Source, prefix, log string) *Guard {
	return &Guard{source: source, topics: events.Topics{Prefix: prefix}, log: log, looking: make(chan struct{}, 1)}
}

// Writable returns a *eventlog.ReadOnlyError if the log is a copy, or, where it has no
// record, if other logs under its prefix are copies of logs with another name: then the
// prefix is one that a link gave. It looks at one partition of the log first, at the
// others if that is empty; below 0: at all. It waits no longer than ctx; once
// it is known it does not wait. What must not be read is no obstacle: rights are the wall
// there.
func (g *Guard) Writable(ctx context.Context, partition int32) error {
	if v := g.remembered(); v != nil {
		return v.err()
	}
	select {
	case g.looking <- struct{}{}:
		defer func() { <-g.looking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if v := g.remembered(); v != nil { // Another caller has looked.
		return v.err()
	}
	refusal, own, err := g.look(ctx, partition)
	if err != nil && !eventlog.IsDenied(err) {
		return err
	}
	v := &verdict{refusal: refusal}
	if refusal == nil && !own {
		v.until = time.Now().Add(lookAgain)
	}
	g.known.Store(v)
	return v.err()
}

// Known is what Writable returns without waiting, if it would not wait.
func (g *Guard) Known() (refusal error, known bool) {
	if v := g.remembered(); v != nil {
		return v.err(), true
	}
	return nil, false
}

func (g *Guard) remembered() *verdict {
	v := g.known.Load()
	if v == nil || !v.until.IsZero() && time.Now().After(v.until) {
		return nil
	}
	return v
}

func (v *verdict) err() error {
	if v.refusal == nil { // A nil pointer would be an error.
		return nil
	}
	return v.refusal
}

// look finds a copy that refuses, or a log that is the site's own. Neither: nothing tells.
func (g *Guard) look(ctx context.Context, partition int32) (refusal *eventlog.ReadOnlyError, own bool, err error) {
	if partition >= 0 {
		refusal, own, err = g.first(ctx, g.log, partition)
		if refusal != nil || own || err != nil && !eventlog.IsDenied(err) {
			return g.named(refusal), own, err
		}
	}
	all, err := g.source.List(ctx, g.topics.Prefix)
	if err != nil {
		return nil, false, err
	}
	for _, topic := range g.telling(all) {
		for p := range all[topic] {
			refusal, own, err = g.first(ctx, topic, p)
			switch {
			case ctx.Err() != nil:
				return nil, false, ctx.Err()
			case topic == g.log && err != nil && !eventlog.IsDenied(err):
				return nil, false, err
			case refusal != nil && (topic == g.log || refusal.Of.Topic != topic):
				return g.named(refusal), false, nil
			case own && (topic == g.log || g.decides(topic)):
				return nil, true, nil
			}
			if err != nil || refusal != nil || own { // Its other partitions tell no more.
				break
			}
		}
	}
	return nil, false, nil
}

// telling are the topics that may tell whether the prefix is that of copies: the log first,
// then what decides, then what is decided on or told.
func (g *Guard) telling(all map[string]int32) (topics []string) {
	order := func(topic string) int {
		switch l, ok := g.topics.Log(topic); {
		case topic == g.log:
			return 1
		case !ok || l.Topic != topic:
			return 0
		case g.decides(topic):
			return 2
		case l.Kind == events.InputLog, l.Kind == events.PublishedLog:
			return 3
		}
		return 0
	}
	for topic := range all {
		if order(topic) > 0 {
			topics = append(topics, topic)
		}
	}
	slices.SortFunc(topics, func(a, b string) int { return cmp.Or(order(a)-order(b), strings.Compare(a, b)) })
	return topics
}

// decides tells whether a topic is a log that its own site decides on: a record of its own
// at its beginning shows that the prefix is the site's.
func (g *Guard) decides(topic string) bool {
	l, ok := g.topics.Log(topic)
	return ok && l.Topic == topic && (l.Kind == events.OwnedLog || l.Kind == events.SharedLog)
}

// first tells by the first record of a partition; neither: it has none.
func (g *Guard) first(ctx context.Context, topic string, partition int32) (refusal *eventlog.ReadOnlyError, own bool, err error) {
	log, may := Of(g.source.Open(topic, partition)).(*Log)
	if !may {
		return nil, true, nil
	}
	c, err := log.find(ctx)
	if err != nil || c == nil {
		return nil, log.own.Load(), err
	}
	return &eventlog.ReadOnlyError{Topic: topic, Partition: partition, Of: c.of}, false, nil
}

// named adds the prefix that the topics have where they are written.
func (g *Guard) named(refusal *eventlog.ReadOnlyError) *eventlog.ReadOnlyError {
	if refusal == nil {
		return nil
	}
	name, _ := strings.CutPrefix(refusal.Topic, g.topics.Prefix)
	refusal.Prefix, _ = strings.CutSuffix(refusal.Of.Topic, name)
	return refusal
}
