package manager_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager"
	global "github.com/spanway/spanway/services/manager/network"
)

// newGlobal is the place of a global manager.
func newGlobal(t *testing.T) *place {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return newPlace(t, b.Addrs())
}

// global runs a global manager, and waits until it is ready.
func (p *place) global(d manager.Delivery, change func(*manager.GlobalConfig)) (stop func()) {
	p.t.Helper()
	cfg := manager.DefaultGlobalConfig()
	if change != nil {
		change(&cfg)
	}
	g, err := manager.NewGlobal(cfg, manager.GlobalDeps{Deps: manager.Deps{Cluster: p.connect(), Logger: quiet}, Delivery: d})
	if err != nil {
		p.t.Fatal(err)
	}
	stop = p.run(g)
	p.ready(g)
	return stop
}

func (p *place) changes() *followed[*global.Core] {
	return follow(p, topics.NetworkChanges(), global.New)
}

// at gives an object a span.
func at(o *events.NetworkObject, sites ...string) *events.NetworkObject {
	o.Span = &events.NetworkSpan{Sites: sites}
	return o
}

// What is applied on network.requests becomes network.changes, all of it or nothing; what
// cannot be read is refused, and what is not applied in time is told to be late.
func TestRequestsBecomeChanges(t *testing.T) {
	p := newGlobal(t)
	p.global(nil, nil)
	s := p.changes()
	p.send(topics.NetworkRequests(),
		&events.NetworkSiteRequested{Site: "ams"},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{at(network(), "ams"), segment(web, "10.1.0.0/24")}, DeadlineMs: 1},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(db, "10.2.0.0/24"), segment("/networks/none/segments/x", "10.3.0.0/24")}})
	p.put(topics.NetworkRequests(), events.Record{Value: []byte("junk")})
	s.until("an entry is late", func(*global.Core) bool { return len(of[*events.NetworkOverdue](s.seen)) > 0 })
	s.until("two are refused", func(*global.Core) bool { return len(of[*events.NetworkRefused](s.seen)) >= 2 })
	if c := s.core(); c.Change() != 1 || c.Last("ams") != 1 || len(c.Entry("ams", 1).GetPuts()) != 2 {
		t.Errorf("change %d, of which ams gets %v", c.Change(), c.Entry("ams", 1))
	}
	changed, refused := of[*events.NetworkChanged](s.seen), of[*events.NetworkRefused](s.seen)
	if len(changed) != 1 || changed[0].RequestId != "request-2" {
		t.Errorf("the changes are %v", changed)
	}
	if len(refused) != 2 || refused[0].RequestId != "request-3" || refused[0].Code != string(events.CodeUnknownObject) || refused[1].Code != string(events.CodeBadEnvelope) {
		t.Errorf("refused: %v", refused)
	}
}

// The owner is stopped, and another goes on: it decides what comes, and again nothing that was.
func TestAnotherGlobalManagerGoesOn(t *testing.T) {
	p := newGlobal(t)
	often := func(c *manager.GlobalConfig) { c.Logs.Events = 3 } // So that it begins at a snapshot.
	stop := p.global(nil, often)
	s := p.changes()
	p.send(topics.NetworkRequests(), &events.NetworkSiteRequested{Site: "ams"})
	request, err := events.Encoder{Source: "/test"}.Encode("once", &events.NetworkChangeRequested{Objects: []*events.NetworkObject{at(network(), "ams")}})
	if err != nil {
		t.Fatal(err)
	}
	p.put(topics.NetworkRequests(), request)
	s.until("there is a change", func(c *global.Core) bool { return c.Change() == 1 })
	p.global(nil, often)
	stop()
	p.put(topics.NetworkRequests(), request)
	p.send(topics.NetworkRequests(), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(web, "10.1.0.0/24")}})
	s.until("there is another", func(c *global.Core) bool { return c.Change() == 2 })
	if changed := of[*events.NetworkChanged](s.seen); len(changed) != 2 || s.core().Last("ams") != 2 {
		t.Errorf("the changes are %v", changed)
	}
}

// told is a delivery that notes what it is told.
type told struct {
	mu  sync.Mutex
	log []string
	// new is told that there is more.
	new chan struct{}
}

func (d *told) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.log); n == 0 || d.log[n-1] != what {
		d.log = append(d.log, what)
	}
	select {
	case d.new <- struct{}{}:
	default:
	}
}

func (d *told) Owned(c *global.Core)   { d.note("owned") }
func (d *told) Observe(c *global.Core) { d.note("observe") }
func (d *told) Disowned()              { d.note("disowned") }
func (d *told) Counted(c *global.Core, batch []events.Logged) {
	for _, l := range batch {
		if m, ok := l.Message.(*events.NetworkChanged); ok && len(c.Entry("ams", c.Last("ams")).GetPuts()) == len(m.Objects) {
			d.note("entry of " + m.RequestId)
		}
	}
}

// A delivery is told of the log from the claim on, with the core at what counts, until it is
// owned no more.
func TestADeliveryIsTold(t *testing.T) {
	p := newGlobal(t)
	d := &told{new: make(chan struct{}, 1)}
	stop := p.global(d, nil)
	p.send(topics.NetworkRequests(), &events.NetworkSiteRequested{Site: "ams"},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{at(network(), "ams")}})
	for {
		d.mu.Lock()
		i := slices.Index(d.log, "entry of request-2")
		all := i >= 0 && slices.Contains(d.log[i:], "observe")
		d.mu.Unlock()
		if all {
			break
		}
		select {
		case <-d.new:
		case <-p.ctx.Done():
			t.Fatalf("it was told %q", d.log)
		}
	}
	stop()
	if n := len(d.log); d.log[0] != "owned" || d.log[n-1] != "disowned" {
		t.Errorf("it was told %q", d.log)
	}
}

func TestGlobalStartsAndStops(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		t.Helper()
		b, err := embedded.Start(embedded.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		g, err := manager.NewGlobal(manager.DefaultGlobalConfig(), manager.GlobalDeps{Deps: manager.Deps{Cluster: c, Logger: quiet}})
		if err != nil {
			t.Fatal(err)
		}
		return g, func() {
			c.Close()
			b.Close()
		}
	})
}

func TestGlobalConfigSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c, err := cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:1"}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for want, change := range map[string]func(*manager.GlobalConfig){
		"Prefix is empty":          func(c *manager.GlobalConfig) { c.Prefix = "" },
		"the prefix of the topics": func(c *manager.GlobalConfig) { c.Prefix = "a b" },
		"Site is empty":            func(c *manager.GlobalConfig) { c.Site = "" },
		"Site \"a\\n\"":            func(c *manager.GlobalConfig) { c.Site = "a\n" },
		"Instance":                 func(c *manager.GlobalConfig) { c.Instance = "a\x00" },
		"Snapshots":                func(c *manager.GlobalConfig) { c.Logs.Events = -1 },
	} {
		cfg := manager.DefaultGlobalConfig()
		change(&cfg)
		if _, err := manager.NewGlobal(cfg, manager.GlobalDeps{Deps: manager.Deps{Cluster: c, Logger: quiet}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := manager.NewGlobal(manager.DefaultGlobalConfig(), manager.GlobalDeps{}); err == nil || !strings.Contains(err.Error(), "Cluster is nil") {
		t.Errorf("without a cluster: %v", err)
	}
}
