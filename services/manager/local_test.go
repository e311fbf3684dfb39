package manager_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/site"
)

// What an entry brings is realised by tasks of the site's scheduler on an engine, definitions
// first; what the next ones change and remove is, too.
func TestEntriesAreRealised(t *testing.T) {
	p := newSite(t)
	edge, s := p.realise(nil), p.status()
	p.local(nil)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network(), segment(web, "10.1.0.0/24")))
	s.realised(shop, web)
	p.send(topics.NetworkInbox(), entry(2, segment(web, "10.2.0.0/24")))
	s.until("the change is realised", func(c *site.Core) bool {
		o, ok := c.StatusOf(web)
		return ok && o.Standing == site.Realised && o.Realised.GetSegment().GetCidr() == "10.2.0.0/24"
	})
	removal := entry(3)
	removal.Removes = []string{web}
	p.send(topics.NetworkInbox(), removal)
	s.realised(shop)
	if got, want := edge.log(), []string{shop, web, web, "-" + web}; !slices.Equal(got, want) {
		t.Errorf("the engine was given %q, want %q", got, want)
	}
	if r := s.core().Report(); r.Term != 1 || r.Sequence != 3 || r.NeedsSync != "" {
		t.Errorf("the report is %v", r)
	}
}

// A task that fails is told of with its reason, and followed by another one later.
func TestAFailureIsTriedAgain(t *testing.T) {
	p := newSite(t)
	p.realise(func(_ context.Context, m *events.NetworkRealising) error {
		if m.Attempt == 1 {
			return engine.Final(errors.New("no such interface"))
		}
		return nil
	})
	s := p.status()
	var then site.Status
	s.visit = func(c *site.Core, m proto.Message) {
		if _, ok := m.(*events.NetworkRealisationFailed); ok {
			then, _ = c.StatusOf(shop)
		}
	}
	p.local(nil)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network()))
	s.realised(shop)
	if then.Standing != site.Failed || !strings.Contains(then.Reason, "no such interface") || then.AgainAtMs == 0 {
		t.Errorf("when it had failed it stood so: %+v", then)
	}
	failed, tried := of[*events.NetworkRealisationFailed](s.seen), of[*events.NetworkRealising](s.seen)
	if len(failed) != 1 || len(tried) != 2 || tried[1].Attempt != 2 || tried[1].TaskId == tried[0].TaskId || tried[1].AtMs < failed[0].AgainAtMs {
		t.Errorf("it was tried %v, and has failed %v", tried, failed)
	}
}

// The owner is stopped while a task is in flight; another one notes its end, and goes on.
// Nothing is done twice.
func TestAnotherGoesOn(t *testing.T) {
	p := newSite(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	edge := p.realise(func(ctx context.Context, m *events.NetworkRealising) error {
		if m.Path != web {
			return nil
		}
		entered <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	s := p.status()
	often := func(c *manager.LocalConfig) { c.Logs.Events = 3 } // So that it begins at a snapshot.
	stop := p.local(often)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network()))
	s.realised(shop)
	p.send(topics.NetworkInbox(), entry(2, segment(web, "10.1.0.0/24")))
	select {
	case <-entered:
	case <-p.ctx.Done():
		t.Fatal("the task has not begun")
	}
	p.local(often)
	stop()
	p.send(topics.NetworkInbox(), entry(3, segment(db, "10.2.0.0/24")))
	s.until("the other one has applied an entry", func(c *site.Core) bool { return c.Report().Sequence == 3 })
	close(release)
	s.realised(shop, web, db)
	if n := len(of[*events.NetworkEntryApplied](s.seen)); n != 3 {
		t.Errorf("%d entries were applied, want 3", n)
	}
	if tasks := of[*events.NetworkRealising](s.seen); len(tasks) != 3 {
		t.Errorf("the tasks are %v, want one for each object", tasks)
	}
	if n := len(edge.log()); n != 3 {
		t.Errorf("the engine was given %q, want each object once", edge.log())
	}
}

// An entry that comes again changes nothing, and one behind a gap waits for a full sync, which
// sweeps what it does not hold. Then entries go on.
func TestDuplicatesAndGaps(t *testing.T) {
	p := newSite(t)
	p.realise(nil)
	s := p.status()
	p.local(nil)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network(), segment(web, "10.1.0.0/24")), entry(1, network(), segment(web, "10.1.0.0/24")), entry(3, segment(db, "10.3.0.0/24")))
	s.until("a full sync is needed", func(c *site.Core) bool { return c.Report().NeedsSync == site.Gap })
	var codes []string
	for _, m := range of[*events.NetworkEntryDeclined](s.seen) {
		codes = append(codes, m.Code)
	}
	if want := []string{site.Repeated, site.Gap}; !slices.Equal(codes, want) {
		t.Errorf("declined: %q, want %q", codes, want)
	}
	s.realised(shop, web)
	has := []*events.NetworkRevised{{Object: network(), Revision: 1}, {Object: segment(db, "10.3.0.0/24"), Revision: 3}}
	digest := model.Digest([]*model.Object{model.FromRevised(has[0]), model.FromRevised(has[1])})
	p.send(topics.NetworkInbox(),
		&events.NetworkSyncBegin{Site: "ams", Term: 1, Sync: 2, SyncId: "second", Base: 3},
		&events.NetworkSyncSegment{SyncId: "second", Objects: has},
		&events.NetworkSyncEnd{SyncId: "second", Segments: 1, Digest: digest})
	s.until("the full sync is applied", func(c *site.Core) bool { return c.Report().Sync == 2 })
	s.realised(shop, db)
	p.send(topics.NetworkInbox(), entry(4, segment(web, "10.4.0.0/24")))
	s.realised(shop, db, web)
	if r := s.core().Report(); r.Sequence != 4 || r.NeedsSync != "" {
		t.Errorf("the report is %v", r)
	}
}

// What cannot be read of the inbox is declined, and who writes there ends no task.
func TestTheInboxEndsNoTask(t *testing.T) {
	p := newSite(t)
	release := make(chan struct{})
	p.realise(func(ctx context.Context, _ *events.NetworkRealising) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	s := p.status()
	p.local(nil)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network()))
	s.until("its task is in flight", func(c *site.Core) bool {
		o, _ := c.StatusOf(shop)
		return o.Standing == site.InFlight
	})
	task := of[*events.NetworkRealising](s.seen)[0].TaskId
	p.send(topics.NetworkInbox(), &events.TaskSucceeded{TaskId: task})
	p.put(topics.NetworkInbox(), events.Record{Value: []byte("junk")})
	s.until("what cannot be read is declined", func(c *site.Core) bool { return c.Report().NeedsSync == site.BadEntry })
	if n := len(of[*events.NetworkRealised](s.seen)); n != 0 {
		t.Error("the inbox has ended a task")
	}
	close(release)
	s.realised(shop)
}

// Where there is no scheduler a local manager waits, says for what, and makes no topic of tasks;
// once they are there it goes on with what has come meanwhile.
func TestItWaitsForTheScheduler(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	p := newPlace(t, b.Addrs())
	cfg := manager.DefaultLocalConfig()
	cfg.Site = "ams"
	l, err := manager.NewLocal(cfg, manager.Deps{Cluster: p.connect(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	p.run(l)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network()))
	for trouble := error(nil); trouble == nil || !strings.Contains(trouble.Error(), "there is no topic "+topics.Events()); trouble = l.Trouble() {
		select {
		case <-l.Ready():
			t.Fatal("it is ready without a scheduler")
		case <-p.ctx.Done():
			t.Fatalf("it does not say what it waits for: %v", trouble)
		case <-time.After(10 * time.Millisecond): // Trouble is not told, it is asked for.
		}
	}
	for _, topic := range []string{topics.Events(), topics.Requests()} {
		if n, err := p.c.Kafka().Partitions(p.ctx, topic); n != 0 || err != nil {
			t.Errorf("it has made %s: %d partitions, %v", topic, n, err)
		}
	}
	if _, err := p.c.Ensure(p.ctx, events.Specs(topics.UsedBy(events.RoleScheduler))); err != nil {
		t.Fatal(err)
	}
	p.ready(l)
	s := p.status()
	s.until("the entry is applied", func(c *site.Core) bool { return c.Report().Sequence == 1 })
	log := p.c.Partition(topics.Requests(), events.PoolPartition(events.DefaultPool))
	for next := int64(0); ; {
		page, err := log.Fetch(p.ctx, next, time.Second)
		if err != nil {
			t.Fatalf("no task is requested: %v", err)
		}
		if next = page.Next; len(page.Records) == 0 {
			continue
		}
		m, err := events.Message(&page.Records[0])
		if req, ok := m.(*events.TaskRequested); err != nil || !ok || req.TaskId != site.TaskPrefix("ams")+"1" || req.Kind != site.DefaultKind || req.Predicate != site.DefaultPredicate {
			t.Errorf("requested: %v, %v", m, err)
		}
		return
	}
}

func TestLocalStartsAndStops(t *testing.T) {
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
		if _, err := c.Ensure(t.Context(), events.Specs(topics.UsedBy(events.RoleScheduler))); err != nil {
			t.Fatal(err)
		}
		l, err := manager.NewLocal(manager.DefaultLocalConfig(), manager.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return l, func() {
			c.Close()
			b.Close()
		}
	})
}

func TestLocalConfigSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*manager.LocalConfig){
		"Prefix is empty":            func(c *manager.LocalConfig) { c.Prefix = "" },
		"the prefix of the topics":   func(c *manager.LocalConfig) { c.Prefix = "a b" },
		"Site is empty":              func(c *manager.LocalConfig) { c.Site = "" },
		"the site is \"A/B\"":        func(c *manager.LocalConfig) { c.Site = "A/B" },
		"Instance":                   func(c *manager.LocalConfig) { c.Instance = "a\x00" },
		"in the pool \"a\\nb\"":      func(c *manager.LocalConfig) { c.Pool = "a\nb" },
		"with the predicate \"1 +\"": func(c *manager.LocalConfig) { c.Predicate = "1 +" },
		"Snapshots":                  func(c *manager.LocalConfig) { c.Logs.Events = -1 },
	} {
		c, err := cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:1"}, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		cfg := manager.DefaultLocalConfig()
		change(&cfg)
		if _, err := manager.NewLocal(cfg, manager.Deps{Cluster: c, Logger: quiet}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		c.Close()
	}
	if _, err := manager.NewLocal(manager.DefaultLocalConfig(), manager.Deps{}); err == nil || !strings.Contains(err.Error(), "Cluster is nil") {
		t.Errorf("without a cluster: %v", err)
	}
}
