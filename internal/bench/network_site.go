package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/delivery"
	"github.com/spanway/spanway/services/manager/site"
)

// simulated is a site: its local manager reads the inbox, decides as a real one does, and appends
// what it has decided to a log. Its tasks succeed at once, so there is neither a scheduler nor an
// engine; nobody else reads its log.
type simulated struct {
	name   string
	inbox  delivery.Inbox
	from   eventlog.Log // the inbox, to read
	status eventlog.Log
	core   *site.Core
	down   atomic.Bool

	mu     sync.Mutex
	change uint64 // the newest that is realised
	sync   uint64 // the newest full sync that is applied
	times  moments
	news   chan struct{} // closed at the next change of these
	see    func(delivery.Seen)
	ended  error
}

// moments are those of the newest change at a site.
type moments struct{ received, realised time.Time }

// errDown is what whoever sends to a site gets that is down.
var errDown = errors.New("the site is down")

// Append implements delivery.Inbox.
func (s *simulated) Append(ctx context.Context, messages []delivery.Message) error {
	if s.down.Load() {
		return errDown
	}
	return s.inbox.Append(ctx, messages)
}

// Follow implements delivery.Status.
func (s *simulated) Follow(ctx context.Context, see func(delivery.Seen)) error {
	s.mu.Lock()
	s.see = see
	see(s.seen())
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.see = nil
	return nil
}

// seen is what the log of the site would say.
func (s *simulated) seen() delivery.Seen { return delivery.SeenOf(s.core) }

// reach gives a delivery what reaches a site.
func (w *networkWorld) reach(name string) (delivery.Inbox, delivery.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.bySite[name]
	return s, s
}

// simulate starts a site.
func (w *networkWorld) simulate(ctx context.Context, name string) (*simulated, error) {
	topics := events.Topics{Prefix: w.topics.Prefix + name + "."}
	inbox, status := topics.NetworkLog(topics.NetworkInbox()), topics.NetworkLog(topics.NetworkStatus())
	if _, err := w.cfg.Cluster.Ensure(ctx, events.Specs([]events.Log{inbox, status})); err != nil {
		return nil, err
	}
	w.made = append(w.made, inbox.Topic, status.Topic)
	c := w.cfg.Cluster
	s := &simulated{
		name: name, inbox: delivery.OnInbox(c, topics, "/spanway/bench"), from: c.Partition(inbox.Topic, 0), status: c.Partition(status.Topic, 0),
		core: site.New(site.Config{Site: name, Topics: topics}), news: make(chan struct{}),
	}
	w.mu.Lock()
	w.bySite[name] = s
	w.mu.Unlock()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := s.run(running)
		s.tell(func() { s.ended = err })
	}()
	w.ends = append([]func() error{func() error { stop(); <-ended; return nil }}, w.ends...)
	return s, nil
}

// run reads the inbox until it cannot, as when ctx ends.
func (s *simulated) run(ctx context.Context) error {
	for next := int64(0); ; {
		page, err := s.from.Fetch(ctx, next, time.Second)
		if err != nil {
			return fmt.Errorf("read the inbox of %s: %w", s.name, err)
		}
		next = page.Next
		if len(page.Records) == 0 {
			continue
		}
		if err := s.work(ctx, page.Records); err != nil {
			return err
		}
	}
}

// work decides what came, and what follows from that, and appends it.
func (s *simulated) work(ctx context.Context, came []events.Record) error {
	received := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var decided []proto.Message
	var change uint64
	emit := func(m proto.Message) {
		s.core.Apply(events.Logged{Message: m})
		decided = append(decided, m)
		if e, ok := m.(*events.NetworkEntryApplied); ok {
			change = e.Entry.Change
		}
	}
	now := events.Clock{Now: received.UnixMilli(), ReadTo: received.UnixMilli()}
	for i := range came {
		s.core.Decide(events.Input[site.Input]{Value: site.Prepare("", 0, &came[i])}, now, emit)
	}
	for from := 0; ; {
		more := s.core.Advance(now, emit)
		if from == len(decided) && !more {
			break
		}
		for ; from < len(decided); from++ {
			if m, ok := decided[from].(*events.NetworkRealising); ok {
				s.core.Decide(events.Input[site.Input]{Value: site.Input{Message: &events.TaskSucceeded{TaskId: m.TaskId}}}, now, emit)
			}
		}
	}
	if err := s.append(ctx, decided); err != nil {
		return err
	}
	s.change, s.sync, s.times = max(s.change, change), s.core.Report().Sync, moments{received, time.Now()}
	close(s.news)
	s.news = make(chan struct{})
	if s.see != nil {
		s.see(s.seen())
	}
	return nil
}

// appendBytes bounds what is appended at once.
const appendBytes = 512 << 10

// append appends to the log of the site.
func (s *simulated) append(ctx context.Context, decided []proto.Message) error {
	encoder := events.Encoder{Source: "/spanway/bench"}
	var batch []events.Record
	bytes := 0
	for i, m := range decided {
		r, err := encoder.Encode(s.name, m)
		if err != nil {
			return err
		}
		batch = append(batch, r)
		if bytes += r.Size(); bytes < appendBytes && i+1 < len(decided) {
			continue
		}
		if _, err := s.status.Append(ctx, batch); err != nil {
			return fmt.Errorf("append to the log of %s: %w", s.name, err)
		}
		batch, bytes = batch[:0], 0
	}
	return nil
}

// tell changes something that is waited for.
func (s *simulated) tell(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.news)
	s.news = make(chan struct{})
}

// until waits until is, which is asked whenever something has changed, says so.
func (s *simulated) until(ctx context.Context, is func() bool) error {
	for {
		s.mu.Lock()
		done, err, news := is(), s.ended, s.news
		s.mu.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-news:
		case <-time.After(patience):
			return fmt.Errorf("site %s has got nothing for %v", s.name, patience)
		case <-ctx.Done():
			return fmt.Errorf("wait for site %s: %w", s.name, ctx.Err())
		}
	}
}

// last is when the site had the newest change.
func (s *simulated) last() moments {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times
}
