package replicator

import (
	"log/slog"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/admission"
)

// admitting is the admission of all snapshots of this process. It is safe for concurrent
// use.
type admitting struct {
	log     *slog.Logger
	metrics *metrics
	atOnce  int // over all replicators of the site

	mu     sync.Mutex
	core   *admission.Admission
	waits  map[string]chan struct{} // of copies that wait, by ID: closed when one is to ask again
	timer  *time.Timer              // until the core has something to do
	closed bool
}

func newAdmitting(limits admission.Limits, log *slog.Logger, metrics *metrics) *admitting {
	a := &admitting{log: log, metrics: metrics, atOnce: limits.AtOnce, core: admission.New(limits), waits: map[string]chan struct{}{}}
	a.timer = time.AfterFunc(time.Hour, func() { a.do(func(time.Time) {}) })
	a.timer.Stop()
	return a
}

// do changes something, and has done what comes of that.
func (a *admitting) do(change func(now time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	change(now)
	a.tick(now)
}

// tick has done what is due, and wakes those of which that changes anything.
func (a *admitting) tick(now time.Time) {
	for _, e := range a.core.Tick(now) {
		a.wake(e.ID)
		a.tell(&e)
	}
	if due, ok := a.core.Due(); ok && !a.closed {
		a.timer.Reset(due.Sub(now))
	} else {
		a.timer.Stop()
	}
}

// wake has a copy ask again.
func (a *admitting) wake(id string) {
	if c := a.waits[id]; c != nil {
		close(c)
		delete(a.waits, id)
	}
}

// tell tells operators of a failure.
func (a *admitting) tell(e *admission.Event) {
	if e.Why == "" {
		return
	}
	is := a.core.Standing(e.ID)
	a.metrics.failed(e.Link, e.Why)
	a.log.Warn("a snapshot gives its place up", "link", e.Link, "copy", e.ID, "because", e.Why, "failures", is.Failures, "for_good", e.Phase == admission.Failed)
}

// close ends it: nothing of it runs any more.
func (a *admitting) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.timer.Stop()
}

// share gives this process as many places as it has of the partitions by which copies are
// shared out: at least one.
func (a *admitting) share(partitions int) {
	n := a.atOnce * partitions / int(events.CheckpointPartitions)
	a.do(func(time.Time) { a.core.Resize(n) })
}

// retry has what has failed of a link tried again.
func (a *admitting) retry(link string) {
	a.do(func(time.Time) { a.core.Retry(link) })
}

// standing tells how the snapshot of a copy stands.
func (a *admitting) standing(id string) admission.Standing {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.core.Standing(id)
}

// of is the admission of a copy.
func (a *admitting) of(link, id string) *asker { return &asker{a, link, id} }

// asker is the copying.Admission of one copy.
type asker struct {
	all      *admitting
	link, id string
}

// Ask implements copying.Admission.
func (c *asker) Ask() (admitted bool, changed <-chan struct{}) {
	a := c.all
	a.mu.Lock()
	defer a.mu.Unlock()
	a.core.Ask(c.link, c.id)
	a.tick(time.Now())
	if a.core.Ask(c.link, c.id) {
		return true, nil
	}
	if a.waits[c.id] == nil {
		a.waits[c.id] = make(chan struct{})
	}
	return false, a.waits[c.id]
}

// Progress implements copying.Admission.
func (c *asker) Progress() { c.all.do(func(now time.Time) { c.all.core.Progress(c.id, now) }) }

// Limited implements copying.Admission.
func (c *asker) Limited() { c.all.do(func(now time.Time) { c.all.core.Limited(c.id, now) }) }

// Leave implements copying.Admission.
func (c *asker) Leave() {
	c.all.do(func(time.Time) {
		c.all.core.Leave(c.id)
		c.all.wake(c.id)
	})
}

// retry has those snapshots tried again that have failed and whose source, or whose
// target, was away and answers now.
func (s *Service) retry(all []links.Link) {
	site, back := s.target.returned(), map[string]bool{}
	for name, v := range s.sources {
		back[name] = v.returned()
	}
	for i := range all {
		if site || back[all[i].Source] {
			s.admitting.retry(all[i].Name)
		}
	}
}
