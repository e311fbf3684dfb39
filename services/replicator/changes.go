package replicator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/selection"
)

// changes makes the changes of topics that selections ask for, several at once. One that
// fails is made again later, and holds no other up. It is safe for concurrent use.
type changes struct {
	view *view
	log  *slog.Logger
	poke func() // plans anew

	slots   chan struct{}
	running sync.WaitGroup

	mu  sync.Mutex
	all map[string]*attempt // by topic
}

// attempt is what became of a change.
type attempt struct {
	change  selection.Change
	running bool
	err     error
	due     time.Time // not again before
	pause   time.Duration
}

const (
	// atOnce is how many topics are changed at the same time.
	atOnce = 8
	// settleTime is how long a change that was made may be unknown to the cluster's brokers.
	settleTime = 2 * time.Second
	// firstAgain and lastAgain bound how long a change that failed waits.
	firstAgain, lastAgain = time.Second, time.Minute
	// changeTimeout bounds one attempt.
	changeTimeout = 30 * time.Second
)

func newChanges(v *view, log *slog.Logger, poke func()) *changes {
	return &changes{view: v, log: log, poke: poke, slots: make(chan struct{}, atOnce), all: map[string]*attempt{}}
}

// make begins the changes that are not under way, and forgets those that are not wanted.
func (c *changes) make(ctx context.Context, wanted []selection.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := map[string]bool{}
	for _, w := range wanted {
		names[w.Topic] = true
		a := c.all[w.Topic]
		if a == nil {
			a = &attempt{}
			c.all[w.Topic] = a
		}
		if a.running || time.Now().Before(a.due) {
			continue
		}
		a.running, a.change = true, w
		c.running.Go(func() { c.attempt(ctx, a) })
	}
	for name, a := range c.all {
		if !names[name] && !a.running {
			delete(c.all, name)
		}
	}
}

// attempt makes one change.
func (c *changes) attempt(ctx context.Context, a *attempt) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return
	}
	within, cancel := context.WithTimeout(ctx, changeTimeout)
	err := c.change(within, a.change)
	cancel()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	a.running, a.err = false, err
	if err == nil {
		a.pause, a.due = 0, time.Now().Add(settleTime)
	} else {
		a.pause = min(max(2*a.pause, firstAgain), lastAgain)
		a.due = time.Now().Add(a.pause)
	}
	c.mu.Unlock()
	if err != nil {
		c.log.Error("a target topic is not as it must be", "topic", a.change.Topic, "links", a.change.Links, "again_in", a.pause, "error", err)
	} else {
		c.log.Info("a target topic was changed", "topic", a.change.Topic, "created", a.change.Create, "partitions", a.change.Partitions, "settings", a.change.Settings)
		c.view.stale(a.change.Topic)
	}
	c.poke()
}

func (c *changes) change(ctx context.Context, w selection.Change) error {
	api := c.view.cluster.Kafka()
	if w.Create {
		return api.Create(ctx, events.TopicSpec{Name: w.Topic, Partitions: w.Partitions, Config: w.Settings})
	}
	var err error
	if w.Partitions > 0 {
		err = api.Grow(ctx, w.Topic, w.Partitions)
	}
	return errors.Join(err, api.Set(ctx, w.Topic, w.Settings))
}

// TargetRefused and TargetAway are codes of problems, as those of package selection.
const (
	// TargetRefused: the cluster of the site does not let a topic be created or changed.
	TargetRefused selection.Code = "target_refused"
	// TargetAway: it could not be asked.
	TargetAway selection.Code = "target_unreachable"
)

// problems are the changes that failed.
func (c *changes) problems() (all []selection.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.all {
		if a.err == nil {
			continue
		}
		code, remedy := TargetAway, "it is tried again"
		var refused *kafka.TopicRefused
		if errors.As(a.err, &refused) || cluster.IsDenied(a.err) {
			code, remedy = TargetRefused, "change it by hand, or take the topic out of the link; it is tried again"
		}
		for _, link := range a.change.Links {
			all = append(all, selection.Problem{
				Link: link, Topic: a.change.Topic, Code: code, Stops: a.change.Create || a.change.Partitions > 0,
				Text: fmt.Sprintf("the target topic %s is not as it must be: %v; %s", a.change.Topic, a.err, remedy),
			})
		}
	}
	slices.SortFunc(all, func(a, b selection.Problem) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Topic, b.Topic))
	})
	return all
}

// underWay tells whether a topic is being changed, or was changed just now.
func (c *changes) underWay(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.all[topic]
	return a != nil && (a.running || a.err == nil && time.Now().Before(a.due))
}

// wait waits until nothing is under way.
func (c *changes) wait() { c.running.Wait() }

// rightful are the changes of topics that are to be created, and of those into which a copy of
// this process has begun. What was there before may be somebody else's: it is not touched
// before a copy has seen that it is not.
func (s *status) rightful(all []selection.Change) []selection.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := map[string]bool{}
	for _, st := range s.copies {
		if st.report.Generation > 0 {
			begun[st.Config.Target.Topic] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c selection.Change) bool { return !c.Create && !begun[c.Topic] })
}
