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
	// atOnce is how many requests for changes are made at the same time.
	atOnce = 8
	// mostTopics and mostPartitions bound what one request creates: the controllers of Apache
	// Kafka refuse one with 10,000 partitions.
	mostTopics, mostPartitions = 50, 1000
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
	var created, changed []*attempt
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
		if a.running, a.change = true, w; w.Create {
			created = append(created, a)
		} else {
			changed = append(changed, a)
		}
	}
	for _, batch := range together(created) {
		c.running.Go(func() { c.create(ctx, batch) })
	}
	for _, a := range changed {
		c.running.Go(func() { c.attempt(ctx, a) })
	}
	for name, a := range c.all {
		if !names[name] && !a.running {
			delete(c.all, name)
		}
	}
}

// together are topics by the requests that create them.
func together(all []*attempt) (batches [][]*attempt) {
	partitions := int32(0)
	for _, a := range all {
		last := len(batches) - 1
		if last < 0 || len(batches[last]) == mostTopics || partitions+a.change.Partitions > mostPartitions {
			batches, partitions, last = append(batches, nil), 0, last+1
		}
		batches[last] = append(batches[last], a)
		partitions += a.change.Partitions
	}
	return batches
}

// create creates topics in one request. Those that were not created by it are tried one by one,
// so that none holds up another.
func (c *changes) create(ctx context.Context, batch []*attempt) {
	if len(batch) == 1 {
		c.attempt(ctx, batch[0])
		return
	}
	rest := batch
	if !c.inSlot(ctx, func(ctx context.Context) {
		specs := make([]events.TopicSpec, len(batch))
		for i, a := range batch {
			specs[i] = specOf(a.change)
		}
		failed, err := c.view.cluster.Kafka().CreateAll(ctx, specs)
		if err != nil {
			return // One by one they say why.
		}
		rest = nil
		for _, a := range batch {
			if failed[a.change.Topic] != nil {
				rest = append(rest, a)
			} else {
				c.made(a, nil)
			}
		}
	}) {
		return
	}
	c.poke()
	for _, a := range rest {
		c.running.Go(func() { c.attempt(ctx, a) })
	}
}

// attempt makes one change.
func (c *changes) attempt(ctx context.Context, a *attempt) {
	var err error
	if c.inSlot(ctx, func(ctx context.Context) { err = c.change(ctx, a.change) }) {
		c.made(a, err)
		c.poke()
	}
}

// inSlot waits for a slot and does something in it, for so long at most; false if ctx has ended.
func (c *changes) inSlot(ctx context.Context, do func(context.Context)) bool {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return false
	}
	within, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	do(within)
	return ctx.Err() == nil
}

// made notes what became of a change.
func (c *changes) made(a *attempt, err error) {
	c.mu.Lock()
	a.running, a.err = false, err
	if err == nil {
		a.pause, a.due = 0, time.Now().Add(settleTime)
	} else {
		a.pause = min(max(2*a.pause, firstAgain), lastAgain)
		a.due = time.Now().Add(a.pause)
	}
	change, pause := a.change, a.pause
	c.mu.Unlock()
	if err != nil {
		c.log.Error("a target topic is not as it must be", "topic", change.Topic, "links", change.Links, "again_in", pause, "error", err)
		return
	}
	c.log.Info("a target topic was changed", "topic", change.Topic, "created", change.Create, "partitions", change.Partitions, "settings", change.Settings)
	c.view.stale(change.Topic)
}

func (c *changes) change(ctx context.Context, w selection.Change) error {
	api := c.view.cluster.Kafka()
	if w.Create {
		return api.Create(ctx, specOf(w))
	}
	var err error
	if w.Partitions > 0 {
		err = api.Grow(ctx, w.Topic, w.Partitions)
	}
	return errors.Join(err, api.Set(ctx, w.Topic, w.Settings))
}

// specOf is a topic that is to be created.
func specOf(w selection.Change) events.TopicSpec {
	return events.TopicSpec{Name: w.Topic, Partitions: w.Partitions, Config: w.Settings}
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
