package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/delivery"
)

// networkWorld is a global manager that delivers to simulated sites, on topics of its own.
type networkWorld struct {
	cfg      NetworkConfig
	topics   events.Topics
	encoder  events.Encoder
	requests eventlog.Log
	// changes and objects are how many there are, asked how many requests were sent.
	changes uint64
	objects int
	asked   int
	sims    []*simulated
	made    []string // topics of sites and queues

	decided chan struct{} // told when the newest change has counted
	mu      sync.Mutex
	newest  uint64 // change that has counted
	sites   int    // that are there
	refused error
	bySite  map[string]*simulated

	ends []func() error // in their order
}

// startNetwork starts a global manager, and returns when it is ready.
func startNetwork(ctx context.Context, cfg NetworkConfig, name string) (*networkWorld, error) {
	topics := events.Topics{Prefix: cfg.Prefix + name + "."}
	w := &networkWorld{
		cfg: cfg, topics: topics, encoder: events.Encoder{Source: "/spanway/bench"},
		requests: cfg.Cluster.Partition(topics.NetworkRequests(), 0), decided: make(chan struct{}, 1), bySite: map[string]*simulated{},
	}
	conf := manager.DefaultGlobalConfig()
	conf.Prefix, conf.Site = topics.Prefix, "bench"
	service := &delivery.Service{Cluster: cfg.Cluster, Topics: topics, Source: "/spanway/bench", Reach: w.reach, Logger: cfg.Logger}
	tenure := &delivery.Tenure{Deliver: service.Run, Board: cfg.Cluster.Kafka().Board()}
	g, err := manager.NewGlobal(conf, manager.GlobalDeps{Deps: manager.Deps{Cluster: cfg.Cluster, Logger: cfg.Logger}, Delivery: tenure})
	if err != nil {
		return nil, err
	}
	w.ends = append(w.ends, func() error { return w.deleteTopics(ctx) })
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer tenure.Close()
		ended <- g.Run(running)
	}()
	w.ends = append([]func() error{func() error { stop(); return <-ended }}, w.ends...)
	select {
	case <-g.Ready():
	case err := <-ended:
		ended <- nil
		return nil, errors.Join(errors.New("the global manager ended before it was ready"), err, w.stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), w.stop())
	}
	w.watch(ctx)
	return w, nil
}

// watch follows the log of changes until the world is stopped.
func (w *networkWorld) watch(ctx context.Context) {
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: w.cfg.Cluster.Partition(w.topics.NetworkChanges(), 0), Topic: w.topics.NetworkChanges(), Now: time.Now,
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) { w.see(l.Message) }},
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(running) // Whoever waits for what it tells is told when that does not come.
	}()
	w.ends = append([]func() error{func() error { stop(); <-ended; return nil }}, w.ends...)
}

func (w *networkWorld) see(m proto.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m := m.(type) {
	case *events.NetworkChanged:
		w.newest = m.Change
	case *events.NetworkSiteAdded:
		w.sites++
	case *events.NetworkRefused:
		w.refused = fmt.Errorf("the global manager refuses a request: %s: %s", m.Code, m.Message)
	default:
		return
	}
	select {
	case w.decided <- struct{}{}:
	default:
	}
}

// until waits until is, which is asked whenever something was decided, says so.
func (w *networkWorld) until(ctx context.Context, is func() bool) error {
	for {
		w.mu.Lock()
		done, err := is(), w.refused
		w.mu.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-w.decided:
		case <-time.After(patience):
			return fmt.Errorf("the global manager has decided nothing for %v: %d changes were asked for", patience, w.changes)
		case <-ctx.Done():
			return fmt.Errorf("wait for the global manager: %w", ctx.Err())
		}
	}
}

// ask sends requests.
func (w *networkWorld) ask(ctx context.Context, commands ...proto.Message) error {
	records := make([]events.Record, len(commands))
	for i, m := range commands {
		w.asked++
		var err error
		if records[i], err = w.encoder.Encode(fmt.Sprint(w.asked), m); err != nil {
			return err
		}
		records[i].Timestamp = time.Now().UnixMilli()
	}
	_, err := w.requests.Append(ctx, records)
	return err
}

// addSite adds a simulated site, and waits until the global manager has it.
func (w *networkWorld) addSite(ctx context.Context, name string) error {
	s, err := w.simulate(ctx, name)
	if err != nil {
		return err
	}
	w.sims = append(w.sims, s)
	if err := w.ask(ctx, &events.NetworkSiteRequested{Site: name}); err != nil {
		return err
	}
	return w.until(ctx, func() bool { return w.sites == len(w.sims) })
}

// synced waits until all sites have had their first full sync. What that brings is no change
// that a site tells of: all that is waited for afterwards comes as an entry.
func (w *networkWorld) synced(ctx context.Context) error {
	for _, s := range w.sims {
		if err := s.until(ctx, func() bool { return s.sync > 0 }); err != nil {
			return err
		}
	}
	return nil
}

// objectAt is one that all sites have.
func objectAt(path string, n int) *events.NetworkObject {
	if path != "" {
		return &events.NetworkObject{Path: path, Span: &events.NetworkSpan{Selector: "*"}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
	}
	return &events.NetworkObject{
		Path: fmt.Sprintf("/networks/bench/segments/x%d", n),
		Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: fmt.Sprintf("10.%d.%d.%d/32", n>>16, n>>8&255, n&255)}},
	}
}

// next is a change of one more object.
func (w *networkWorld) next(objects int) *events.NetworkChangeRequested {
	m := &events.NetworkChangeRequested{}
	for range objects {
		m.Objects = append(m.Objects, objectAt("", w.objects))
		w.objects++
	}
	w.changes++
	return m
}

// network applies the network that all objects are in.
func (w *networkWorld) network(ctx context.Context) error {
	w.changes++
	w.objects++
	m := &events.NetworkChangeRequested{Objects: []*events.NetworkObject{objectAt("/networks/bench", 0)}}
	if err := w.ask(ctx, m); err != nil {
		return err
	}
	return w.accepted(ctx)
}

// accepted waits until the newest change has counted.
func (w *networkWorld) accepted(ctx context.Context) error {
	return w.until(ctx, func() bool { return w.newest >= w.changes })
}

// askedAtOnce is how many requests are appended together.
const askedAtOnce = 100

// applyMany asks for changes of one object each, and waits until all are decided.
func (w *networkWorld) applyMany(ctx context.Context, n int) error {
	for n > 0 {
		batch := make([]proto.Message, min(n, askedAtOnce))
		for i := range batch {
			batch[i] = w.next(1)
		}
		if err := w.ask(ctx, batch...); err != nil {
			return err
		}
		n -= len(batch)
		w.cfg.Progress(len(batch))
	}
	return w.accepted(ctx)
}

// objectsOfAChange are as many as are surely not too large for one.
const objectsOfAChange = 1000

// fill applies changes until there are so many objects.
func (w *networkWorld) fill(ctx context.Context, objects int) error {
	for w.objects < objects {
		if err := w.ask(ctx, w.next(min(objectsOfAChange, objects-w.objects))); err != nil {
			return err
		}
	}
	return w.accepted(ctx)
}

// reached waits until sites have realised a change.
func (w *networkWorld) reached(ctx context.Context, sites []*simulated, change uint64) error {
	for _, s := range sites {
		if err := s.until(ctx, func() bool { return s.change >= change }); err != nil {
			return fmt.Errorf("change %d: %w", change, err)
		}
	}
	return nil
}

// moved are how long changes took to sites.
type moved struct{ received, realised []time.Duration }

func (m *moved) times() NetworkTimes {
	slices.Sort(m.received)
	slices.Sort(m.realised)
	return NetworkTimes{
		ReceivedP50: quantile(m.received, .5), ReceivedP99: quantile(m.received, .99), RealisedP50: quantile(m.realised, .5), RealisedP99: quantile(m.realised, .99),
	}
}

// oneByOne asks for n changes, each when these sites have realised the one before.
func (w *networkWorld) oneByOne(ctx context.Context, sites []*simulated, n int, took *moved) error {
	for range n {
		m, began := w.next(1), time.Now()
		if err := w.ask(ctx, m); err != nil {
			return err
		}
		if err := w.reached(ctx, sites, w.changes); err != nil {
			return err
		}
		for _, s := range sites {
			at := s.last()
			took.received, took.realised = append(took.received, at.received.Sub(began)), append(took.realised, at.realised.Sub(began))
		}
		w.cfg.Progress(1)
	}
	return nil
}

// stop ends all that was started, the last first.
func (w *networkWorld) stop() (err error) {
	for _, end := range w.ends {
		err = errors.Join(err, end())
	}
	return err
}

func (w *networkWorld) deleteTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	topics := slices.Clone(w.made)
	for _, log := range w.topics.UsedBy(events.RoleGlobalManager) {
		topics = append(topics, log.Topic)
	}
	for _, s := range w.sims {
		for _, log := range w.topics.QueueLogs(events.SiteQueue(s.name)) {
			topics = append(topics, log.Topic)
		}
	}
	return w.cfg.Cluster.Kafka().DeleteTopics(ctx, topics)
}
