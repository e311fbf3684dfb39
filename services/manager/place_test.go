package manager_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quiet  = slog.New(slog.DiscardHandler)
	topics = events.Topics{Prefix: events.DefaultPrefix}
)

// place is where a manager works: a cluster with the topics of networks.
type place struct {
	t       *testing.T
	ctx     context.Context // only ends what hangs
	brokers []string
	c       *cluster.Cluster
	ids     int // of what was sent
}

// newPlace connects to brokers, and makes the topics of networks.
func newPlace(t *testing.T, brokers []string) *place {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p := &place{t: t, ctx: ctx, brokers: brokers}
	p.c = p.connect()
	if _, err := p.c.Ensure(ctx, events.Specs(topics.NetworkLogs())); err != nil {
		t.Fatal(err)
	}
	return p
}

// newSite is the place of a local manager, with a scheduler.
func newSite(t *testing.T) *place {
	t.Helper()
	s, err := run.Start(t.Context(), run.Config{Site: "ams", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return newPlace(t, s.Brokers())
}

// connect makes a connection of its own, as each process has.
func (p *place) connect() *cluster.Cluster {
	p.t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: p.brokers, Logger: quiet})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return c
}

// service is what runs here.
type service interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	Trouble() error
}

// run runs a service until the test, or stop, ends it.
func (p *place) run(s service) (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Errorf("the service ended with: %v", err)
		}
	})
	p.t.Cleanup(stop)
	return stop
}

// ready waits until a service is ready.
func (p *place) ready(s service) {
	p.t.Helper()
	select {
	case <-s.Ready():
	case <-p.ctx.Done():
		p.t.Fatalf("it is not ready: %v", s.Trouble())
	}
}

// local runs a local manager of ams, and waits until it is ready.
func (p *place) local(change func(*manager.LocalConfig)) (stop func()) {
	p.t.Helper()
	cfg := manager.DefaultLocalConfig()
	cfg.Site = "ams"
	if change != nil {
		change(&cfg)
	}
	l, err := manager.NewLocal(cfg, manager.Deps{Cluster: p.connect(), Logger: quiet})
	if err != nil {
		p.t.Fatal(err)
	}
	stop = p.run(l)
	p.ready(l)
	return stop
}

// send appends messages to a topic of one partition, each under an ID of its own.
func (p *place) send(topic string, messages ...proto.Message) {
	p.t.Helper()
	for _, m := range messages {
		p.ids++
		r, err := events.Encoder{Source: "/test"}.Encode(fmt.Sprint("request-", p.ids), m)
		if err != nil {
			p.t.Fatal(err)
		}
		p.put(topic, r)
	}
}

func (p *place) put(topic string, r events.Record) {
	p.t.Helper()
	if _, err := p.c.Partition(topic, 0).Append(p.ctx, []events.Record{r}); err != nil {
		p.t.Fatal(err)
	}
}

// realiser is an engine that realises what it is given.
type realiser struct {
	mu    sync.Mutex
	given []*events.NetworkRealising
	// answer is asked, if it is set, what becomes of a task.
	answer func(ctx context.Context, m *events.NetworkRealising) error
}

// realise runs an engine at the edge.
func (p *place) realise(answer func(ctx context.Context, m *events.NetworkRealising) error) *realiser {
	p.t.Helper()
	x := &realiser{answer: answer}
	e, err := engine.New(engine.Config{ID: "edge-1", Site: "ams", Labels: map[string]any{"role": "edge"}, Logger: quiet, Grace: -1}, engine.WithCluster(p.connect()))
	if err != nil {
		p.t.Fatal(err)
	}
	e.Handle(site.DefaultKind, x.handle)
	p.run(e)
	p.ready(e)
	return x
}

func (x *realiser) handle(ctx context.Context, task *engine.Task) ([]byte, error) {
	m := &events.NetworkRealising{}
	if err := proto.Unmarshal(task.Payload, m); err != nil {
		return nil, engine.Final(err)
	}
	x.mu.Lock()
	x.given = append(x.given, m)
	x.mu.Unlock()
	if x.answer != nil {
		return nil, x.answer(ctx, m)
	}
	return nil, nil
}

// log is what it was given, in order: the path, with a minus if the object is to go.
func (x *realiser) log() (out []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.given {
		if m.Object == nil {
			out = append(out, "-"+m.Path)
		} else {
			out = append(out, m.Path)
		}
	}
	return out
}

// followed is an owned log with its fold, and the events that were seen.
type followed[C eventlog.Fold] struct {
	p    *place
	f    *eventlog.Follower
	seen []proto.Message
	// visit, if set, is given each event when the fold has it.
	visit func(c C, m proto.Message)
}

func follow[C eventlog.Fold](p *place, topic string, fold func() C) *followed[C] {
	s := &followed[C]{p: p}
	s.f = eventlog.NewFollower(eventlog.FollowerConfig{
		Log: p.c.Partition(topic, 0), Topic: topic, Now: time.Now, NewFold: func() eventlog.Fold { return fold() },
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) {
			s.seen = append(s.seen, l.Message)
			if s.visit != nil {
				s.visit(s.core(), l.Message)
			}
		}},
	})
	return s
}

func (s *followed[C]) core() C { return s.f.Fold().(C) }

// until follows the log until the state is so.
func (s *followed[C]) until(what string, so func(c C) bool) {
	s.p.t.Helper()
	for {
		if err := s.f.Step(s.p.ctx, time.Second); err != nil {
			s.p.t.Fatalf("until %s: %v; the log has %v", what, err, s.seen)
		}
		if so(s.core()) {
			return
		}
	}
}

// of are the events of a type that were seen.
func of[M proto.Message](seen []proto.Message) (out []M) {
	for _, m := range seen {
		if m, ok := m.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

// status is the log of status of ams.
type status struct{ *followed[*site.Core] }

func (p *place) status() status {
	return status{follow(p, topics.NetworkStatus(), func() *site.Core { return site.New(site.Config{Site: "ams"}) })}
}

// realised waits until these objects, and no others, are at the site.
func (s status) realised(paths ...string) {
	s.p.t.Helper()
	slices.Sort(paths)
	s.until(fmt.Sprintf("%q are realised", paths), func(c *site.Core) bool {
		var there []string
		for _, o := range c.Statuses() {
			if o.Standing != site.Realised {
				return false
			}
			there = append(there, string(o.Path))
		}
		return slices.Equal(there, paths)
	})
}

// Objects of the tests.
const shop, web, db = "/networks/shop", "/networks/shop/segments/web", "/networks/shop/segments/db"

func network() *events.NetworkObject {
	return &events.NetworkObject{Path: shop, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
}

func segment(path, cidr string) *events.NetworkObject {
	return &events.NetworkObject{Path: path, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: cidr}}}
}

// entry is one of ams in the first term.
func entry(sequence uint64, puts ...*events.NetworkObject) *events.NetworkEntry {
	m := &events.NetworkEntry{Site: "ams", Term: 1, Sequence: sequence, Previous: sequence - 1, Change: sequence}
	for _, o := range puts {
		m.Puts = append(m.Puts, &events.NetworkRevised{Object: o, Revision: sequence})
	}
	return m
}

// first begins the first term at the site: an empty full sync, behind which entry 1 comes.
func first() []proto.Message {
	return []proto.Message{
		&events.NetworkSyncBegin{Site: "ams", Term: 1, Sync: 1, SyncId: "first"},
		&events.NetworkSyncEnd{SyncId: "first"},
	}
}
