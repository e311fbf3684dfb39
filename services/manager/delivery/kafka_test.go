package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

var (
	topics = events.Topics{Prefix: events.DefaultPrefix}
	quiet  = slog.New(slog.DiscardHandler)
)

// stage is a global manager on a cluster, with its log folded here, until the test ends.
type stage struct {
	t        *testing.T
	ctx      context.Context
	running  sync.WaitGroup
	cluster  *cluster.Cluster
	board    *trouble.Board
	changes  *Changes
	requests *appender
}

// logs are those of both managers, and of the tasks that they submit.
var logs = withoutTasks(slices.Concat(topics.NetworkLogs(), topics.Catalogue()))

// withoutTasks are logs of which none is decided on how tasks end: nothing is realised here.
func withoutTasks(logs []events.Log) []events.Log {
	for i, l := range logs {
		logs[i].Inputs = slices.DeleteFunc(l.Inputs, func(topic string) bool { return topic == topics.Events() })
	}
	return logs
}

func newStage(t *testing.T) *stage {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute) // It only bounds a hang.
	s := &stage{t: t, ctx: ctx, changes: NewChanges(), board: trouble.NewBoard(quiet)}
	s.cluster = s.connect(s.broker(embedded.Config{}))
	t.Cleanup(func() {
		stop()
		s.running.Wait()
	})
	own(s, s.cluster, logowner.Config[network.Command]{
		Log:     topics.NetworkChanges(),
		Inputs:  []logowner.Input[network.Command]{{Topic: topics.NetworkRequests(), Prepare: network.Prepare, Silence: true}},
		NewCore: func(int32) eventlog.Core[network.Command] { return network.New() },
	})
	s.requests = OnRequests(s.cluster, topics, "/spanway/test").(*appender)
	topic, ready := topics.NetworkChanges(), make(chan struct{})
	snapshots := &eventlog.Snapshots{Log: s.cluster.Partition(events.Snapshots(topic), 0), Topic: topic}
	s.running.Go(func() {
		if err := s.changes.Follow(ctx, s.board, topic, s.cluster.Partition(topic, 0), snapshots, func() { close(ready) }); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatal("the log of changes was not read to its end")
	}
	return s
}

func (s *stage) broker(cfg embedded.Config) *embedded.Broker {
	s.t.Helper()
	b, err := embedded.Start(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(b.Close)
	return b
}

func (s *stage) connect(b *embedded.Broker) *cluster.Cluster {
	s.t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	if _, err := c.Ensure(s.ctx, events.Specs(logs)); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// own runs the owner of a log until the test ends.
func own[I any](s *stage, c *cluster.Cluster, cfg logowner.Config[I]) {
	s.t.Helper()
	cfg.Name, cfg.Group, cfg.Telemetry.Logger = "spanway.test", cfg.Log, quiet
	cfg.Catalogue, cfg.Cluster, cfg.Encoder = logs, logowner.On(c), events.Encoder{Source: "/spanway/test"}
	owner, err := logowner.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.running.Go(func() {
		if err := owner.Run(s.ctx); err != nil && s.ctx.Err() == nil {
			s.t.Errorf("own %s: %v", cfg.Log, err)
		}
	})
}

// site adds a site, whose local manager runs on a cluster of its own.
func (s *stage) site(name string, b *embedded.Broker) *cluster.Cluster {
	s.t.Helper()
	c := s.connect(b)
	own(s, c, logowner.Config[site.Input]{
		Log:     topics.NetworkStatus(),
		Inputs:  []logowner.Input[site.Input]{{Topic: topics.NetworkInbox(), Prepare: site.Prepare, Silence: true}},
		NewCore: func(int32) eventlog.Core[site.Input] { return site.New(site.Config{Site: name, Topics: topics}) },
	})
	s.ask(Message{"site-" + name, &events.NetworkSiteRequested{Site: name}})
	return c
}

func (s *stage) ask(messages ...Message) {
	s.t.Helper()
	if err := s.requests.Append(s.ctx, messages); err != nil {
		s.t.Fatal(err)
	}
}

// until waits until something is so of the log of changes.
func (s *stage) until(what string, so func(core *network.Core) bool) {
	s.t.Helper()
	for done := false; ; {
		moved := s.changes.Moved()
		if s.changes.Look(func(core *network.Core) { done = so(core) }); done {
			return
		}
		select {
		case <-moved:
		case <-s.ctx.Done():
			s.t.Fatalf("it never came to be so: %s; in the way: %v", what, s.board.Err())
		}
	}
}

// same compares a site with what it must have.
func (s *stage) same(name string, c *cluster.Cluster, objects int) {
	s.t.Helper()
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: c.Partition(topics.NetworkStatus(), 0), Topic: topics.NetworkStatus(), Now: time.Now,
		NewFold: func() eventlog.Fold { return site.New(site.Config{Site: name, Topics: topics}) },
	})
	if err := f.Barrier(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	has := f.Fold().(*site.Core).Wanted()
	s.changes.Look(func(core *network.Core) {
		if must := core.State().Project(name); len(must) != objects || model.Digest(must) != model.Digest(has) {
			s.t.Errorf("%s has %d objects, and must have %d; %d are wanted", name, len(has), len(must), objects)
		}
	})
}

// emptied waits until the queue of a site is.
func (s *stage) emptied(name string) {
	s.t.Helper()
	q, err := queue.Open(s.ctx, s.cluster, events.SiteQueue(name), queue.Options{Logger: quiet})
	if err != nil {
		s.t.Fatal(err)
	}
	defer q.Close()
	for i := (queue.Info{Counts: queue.Counts{Entries: 1}}); i.Counts.Entries > 0; {
		if i, err = q.Info(s.ctx, true); err != nil {
			s.t.Fatal(err)
		}
	}
}

// From the log of a global manager over a queue to the log of a local manager, on two clusters; the
// delivery ends in the middle, and another one goes on.
func TestOverTwoClusters(t *testing.T) {
	s := newStage(t)
	b := s.broker(embedded.Config{})
	local := s.site("ams", b)
	service := &Service{Cluster: s.cluster, Topics: topics, Source: "/spanway/test", Logger: quiet, Connect: func(string) (*cluster.Cluster, error) {
		return cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
	}}
	const rounds, each = 3, 40
	for round := range rounds {
		cfg, shut, err := service.open(s.ctx, "ams", s.requests)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Site, cfg.Fold, cfg.Board, cfg.Window, cfg.Batch = "ams", s.changes, s.board, 8, 3
		once, end := context.WithCancel(s.ctx)
		ended := make(chan error, 1)
		go func() { ended <- New(cfg).Run(once) }()
		for i := range each {
			s.ask(Message{fmt.Sprintf("change-%d-%d", round, i), put(i%7, fmt.Sprint(round, i))})
		}
		s.until("the changes are applied", func(core *network.Core) bool {
			of, _ := core.StandingOf("ams")
			all := core.Change() == uint64((round+1)*each) && of.Applied == of.Last && !of.Syncing
			return all || round < rounds-1 && of.Applied > uint64(round*each)+each/2
		})
		if round == rounds-1 {
			s.emptied("ams")
		}
		end()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		shut()
	}
	s.same("ams", local, 7)
}

// The broker of a site is away while more changes are made than wait for a site: the other site
// gets them, and the one that was away gets all by a full sync when it is back.
func TestASiteIsAwayBeyondTheBoundOfItsQueue(t *testing.T) {
	s := newStage(t)
	data := t.TempDir()
	away := s.broker(embedded.Config{DataDir: data})
	sites := map[string]*cluster.Cluster{"ams": s.site("ams", s.broker(embedded.Config{})), "fra": s.site("fra", away)}
	service := &Service{Cluster: s.cluster, Topics: topics, Source: "/spanway/test", Logger: quiet, Connect: func(name string) (*cluster.Cluster, error) {
		return cluster.Open(cluster.Config{Brokers: sites[name].Brokers(), Logger: quiet})
	}}
	s.running.Go(func() {
		if err := service.Run(s.ctx, func() {}); err != nil {
			t.Error(err)
		}
	})
	at := func(name string, changes int) func(core *network.Core) bool {
		return func(core *network.Core) bool {
			of, _ := core.StandingOf(name)
			return core.Change() == uint64(changes) && of.Applied == of.Last && !of.Syncing && of.Sync > 0
		}
	}
	s.ask(Message{"first", put(0, "")})
	for name := range sites {
		s.until(name+" has the first change", at(name, 1))
	}
	_, port, err := net.SplitHostPort(away.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	away.Close()
	const changes, some = network.MaxPending + 200, 200
	for n := 0; n < changes; n += some {
		var messages []Message
		for i := range some {
			messages = append(messages, Message{fmt.Sprint("change-", n+i), put((n+i)%50, fmt.Sprint(n+i))})
		}
		s.ask(messages...)
	}
	s.until("ams has all changes", at("ams", changes+1))
	s.changes.Look(func(core *network.Core) {
		if of, _ := core.StandingOf("fra"); of.Applied > 1 || !of.Syncing {
			t.Errorf("fra is away, and stands so: %+v", of)
		}
	})
	cfg := embedded.Config{DataDir: data}
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	s.broker(cfg)
	s.until("fra has all changes", at("fra", changes+1))
	for name, c := range sites {
		s.emptied(name)
		s.same(name, c, 50)
	}
}
