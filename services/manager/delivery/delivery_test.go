package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a global manager in memory, with sites.
type memory struct {
	changes *Changes
	ids     int

	mu      sync.Mutex
	sites   map[string]*memorySite
	changed chan struct{}
}

func newMemory(names ...string) *memory {
	m := &memory{changes: NewChanges(), sites: map[string]*memorySite{}, changed: make(chan struct{})}
	for _, name := range names {
		w := newWorld(0, "")
		m.sites[name] = &memorySite{in: m, receiver: w.at[names[0]], follows: map[int]func(Seen){}}
		m.sites[name].name, m.sites[name].core = name, site.New(site.Config{Site: name})
		m.ask(&events.NetworkSiteRequested{Site: name, Labels: map[string]string{"region": "eu"}})
	}
	return m
}

// ask has the global core decide on something.
func (m *memory) ask(request proto.Message) {
	m.changes.Change(func(core *network.Core) {
		m.ids++
		emit := func(e proto.Message) { core.Apply(events.Logged{Message: proto.Clone(e)}) }
		core.Decide(events.Input[network.Command]{Value: network.Command{ID: fmt.Sprint(m.ids), Message: request}}, events.Clock{Now: 1}, emit)
		for core.Advance(events.Clock{Now: 1}, emit) {
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wake()
}

// wake is called with mu held.
func (m *memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Report implements Requests.
func (m *memory) Report(_ context.Context, report *events.NetworkSiteReport) error {
	m.ask(report)
	return nil
}

// memorySite is a site: its queue, its inbox and its log.
type memorySite struct {
	*receiver

	in *memory
	// down: what is sent to it hangs until that is closed, whatever its deadline; nil: it does not.
	down chan struct{}
	// lossy: what is sent fails, and half of it arrives.
	lossy bool
	// most is how large a record may be; 0: as large as any.
	most    int
	ids     int
	follows map[int]func(Seen)
}

// Held implements Queue.
func (s *memorySite) Held(context.Context) (Held, error) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.held(), nil
}

// Put implements Queue.
func (s *memorySite) Put(_ context.Context, items []queue.Item) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	for _, i := range items {
		switch code := s.call(&events.QueueEnqueued{Id: i.ID, Payload: i.Payload}); code {
		case "", events.CodeDuplicateEntry, events.CodeAlreadyRemoved:
		case events.CodeOldTerm:
			return ErrNewerTerm
		case events.CodeOutOfSequence:
			return ErrMoved
		default:
			return fmt.Errorf("put %s: %s", i.ID, code)
		}
	}
	s.in.wake()
	return nil
}

// Trim implements Queue.
func (s *memorySite) Trim(_ context.Context, through uint64) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.call(&events.QueueTrimmed{Through: int64(through)})
	s.in.wake()
	return nil
}

// Append implements Inbox.
func (s *memorySite) Append(ctx context.Context, messages []Message) error {
	if s.down != nil {
		<-s.down
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	defer s.in.wake()
	for _, m := range messages {
		if n := proto.Size(m.Message); s.most > 0 && n > s.most {
			return refusal{}
		}
	}
	for i, m := range messages {
		if s.lossy && i >= len(messages)/2 {
			return errors.New("the connection is lost")
		}
		if proto.Size(m.Message) > maxMessageBytes {
			return errors.New("the record is too large")
		}
		s.core.Decide(events.Input[site.Input]{Value: site.Input{ID: m.ID, Message: m.Message}}, events.Clock{Now: 1}, func(m proto.Message) {
			if d, ok := m.(*events.NetworkEntryDeclined); ok && refuses(d.Code) {
				s.refused++
			}
			s.core.Apply(events.Logged{Message: proto.Clone(m)})
		})
		for _, see := range s.follows {
			see(s.seen())
		}
	}
	return nil
}

// refusal is of records that are at fault.
type refusal struct{}

func (refusal) Error() string { return "the record is larger than the topic allows" }
func (refusal) Refused() bool { return true }

// Follow implements Status.
func (s *memorySite) Follow(ctx context.Context, see func(Seen)) error {
	s.in.mu.Lock()
	s.ids++
	id := s.ids
	s.follows[id] = see
	see(s.seen())
	s.in.mu.Unlock()
	<-ctx.Done()
	s.in.mu.Lock()
	delete(s.follows, id)
	s.in.mu.Unlock()
	return nil
}

// with changes a site.
func (m *memory) with(name string, change func(*memorySite)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.sites[name])
	m.wake()
}

// until waits until something is so.
func (m *memory) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // It only bounds a hang.
	defer cancel()
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if so() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("it never came to be so: %s", what)
		}
	}
}

// converged tells whether a site has what it must have, and all is known and taken out.
func (m *memory) converged(name string) (yes bool) {
	m.changes.Look(func(core *network.Core) {
		m.mu.Lock()
		defer m.mu.Unlock()
		of, _ := core.StandingOf(name)
		s := m.sites[name]
		must, has := core.State().Project(name), s.core.Wanted()
		yes = model.Digest(must) == model.Digest(has) && len(must) == len(has) && !of.Syncing && of.Applied == of.Last &&
			s.queue.Counts().Entries == 0 && s.held().Next > of.Last
	})
	return yes
}

// run runs a delivery to a site.
func (m *memory) run(ctx context.Context, name string) error {
	s := m.sites[name]
	return New(Config{
		Site: name, Fold: m.changes, Queue: s, Inbox: s, Status: s, Requests: m, Window: 16, Batch: 4,
		Board: trouble.NewBoard(slog.New(slog.DiscardHandler)), Patience: 200 * time.Millisecond, Deadline: 200 * time.Millisecond,
	}).Run(ctx)
}

// deliver runs a delivery to a site until stop, which waits for its end.
func (m *memory) deliver(t *testing.T, name string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := m.run(ctx, name); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

func put(n int, description string) *events.NetworkChangeRequested {
	return &events.NetworkChangeRequested{Objects: []*events.NetworkObject{{
		Path: fmt.Sprintf("/networks/n%d", n), Span: &events.NetworkSpan{Selector: "*"},
		Spec: &events.NetworkObject_Network{Network: &events.Network{Description: description}},
	}}}
}

// A site of which nothing is heard delays no other, and gets all when it comes back.
func TestASiteThatIsDownDelaysNoOther(t *testing.T) {
	m := newMemory("ams", "fra", "sin")
	down := make(chan struct{})
	m.sites["fra"].down = down
	release := sync.OnceFunc(func() { close(down) })
	for name := range m.sites {
		m.deliver(t, name)
	}
	defer release()
	for i := range 200 {
		m.ask(put(i%20, fmt.Sprint(i)))
	}
	for _, name := range []string{"ams", "sin"} {
		m.until(t, name+" has converged", func() bool { return m.converged(name) })
	}
	m.until(t, "the queue of fra holds its entries", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.sites["fra"].queue.Counts().Entries == 200
	})
	release()
	m.until(t, "fra has converged", func() bool { return m.converged("fra") })
}

// A delivery that ends at any time, over a connection that loses what was sent, leaves to the next
// one where it was.
func TestADeliveryGoesOnWhereAnotherEnded(t *testing.T) {
	m := newMemory("ams")
	for i := range 40 {
		stop := m.deliver(t, "ams")
		m.with("ams", func(s *memorySite) { s.lossy = i%2 == 0 })
		for n := range 5 {
			m.ask(put(n, fmt.Sprint(i)))
		}
		if i%4 == 0 {
			m.until(t, "some of it has come", func() bool {
				m.mu.Lock()
				defer m.mu.Unlock()
				return m.sites["ams"].held().Last.Number >= uint64(5*i)
			})
		}
		stop()
	}
	m.with("ams", func(s *memorySite) { s.lossy = false })
	m.deliver(t, "ams")
	m.until(t, "ams has converged", func() bool { return m.converged("ams") })
}

// An entry that no record holds, or that the cluster of the site does not take, reaches it by a full
// sync.
func TestAnEntryThatIsTooLarge(t *testing.T) {
	t.Run("for any", func(t *testing.T) { reachesByFullSync(t, 8, 0) })
	t.Run("for the site", func(t *testing.T) { reachesByFullSync(t, 5, 150<<10) })
}

// reachesByFullSync makes a change of so many objects of about 42 KiB each.
func reachesByFullSync(t *testing.T, objects, most int) {
	m := newMemory("ams")
	m.sites["ams"].most = most
	m.deliver(t, "ams")
	m.until(t, "ams has converged", func() bool { return m.converged("ams") })
	ordered := m.synced("ams")
	large := put(0, "")
	for i := range objects {
		g := &events.NetworkGroup{}
		for j := range 1000 {
			g.Addresses = append(g.Addresses, fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x", 0x1000+j))
		}
		large.Objects = append(large.Objects, &events.NetworkObject{
			Path: fmt.Sprint("/networks/n0/groups/", i), Span: &events.NetworkSpan{Selector: "*"}, Spec: &events.NetworkObject_Group{Group: g},
		})
	}
	m.ask(large)
	m.ask(put(1, "behind it"))
	m.until(t, "ams has the change", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		_, has := m.sites["ams"].core.StatusOf("/networks/n1")
		return has
	})
	m.until(t, "ams has converged", func() bool { return m.converged("ams") })
	if n := m.synced("ams"); n != ordered+1 {
		t.Errorf("%d full syncs were ordered; one was to be", n-ordered)
	}
}

// synced is how many full syncs of a site were ordered.
func (m *memory) synced(name string) (n uint64) {
	m.changes.Look(func(core *network.Core) {
		of, _ := core.StandingOf(name)
		n = of.Sync
	})
	return n
}

// A delivery whose queue holds entries of a newer term is over.
func TestANewerTermEndsADelivery(t *testing.T) {
	m := newMemory("ams")
	m.with("ams", func(s *memorySite) { s.call(&events.QueueEnqueued{Id: "9-1"}) })
	m.ask(put(1, ""))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // It only bounds a hang.
	defer cancel()
	var newer *NewerTermError
	if err := m.run(ctx, "ams"); !errors.As(err, &newer) || newer.Term != 1 || newer.Site != "ams" {
		t.Errorf("it ended with %v", err)
	}
}

// Messages flow no faster than the pace.
func TestPace(t *testing.T) {
	p := pace{rate: 100}
	sent, now := 0, int64(1)
	for now < 10_000 {
		at := p.take(7, now)
		if at == now {
			sent += 7
			now++
			continue
		}
		now = at
	}
	if sent < 950 || sent > 1010 {
		t.Errorf("%d messages in 10 s at 100 a second", sent)
	}
	if at := (&pace{}).take(7, 5); at != 5 {
		t.Errorf("without a limit the next are sent at %d", at)
	}
}
