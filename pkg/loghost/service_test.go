package loghost_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog/sharedlogtest"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/loghost"
	"github.com/spanway/spanway/pkg/logowner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var topics = events.Topics{Prefix: "t."}

// config is that of a service on the queue "seats", which keeps snapshots of few records.
func config(t *testing.T, c *cluster.Cluster) loghost.Config {
	logs := topics.QueueLogs("seats")
	return loghost.Config{
		Log: logs[0], Create: logs, Group: topics.KeeperGroup(logs[0].Topic),
		NewCore: func(int32) sharedlog.Core { return sharedlogtest.NewSeats(10) },
		Cluster: loghost.On(c), Encoder: events.Encoder{Source: "/spanway/test/seats"},
		Snapshots: logowner.Snapshots{Events: 3, History: time.Nanosecond},
		Logger:    slog.New(slog.DiscardHandler),
	}
}

func connect(t *testing.T) (c *cluster.Cluster, release func()) {
	t.Helper()
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = cluster.Open(cluster.Config{Brokers: broker.Addrs()}); err != nil {
		t.Fatal(err)
	}
	return c, func() {
		c.Close()
		broker.Close()
	}
}

// start runs a service until stop.
func start(t *testing.T, s *loghost.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		t.Fatalf("the service ended: %v", err)
	}
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended: %v", err)
		}
	}
}

func TestStartStop(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		c, release := connect(t)
		s, err := loghost.New(config(t, c))
		if err != nil {
			t.Fatal(err)
		}
		return s, release
	})
}

// The process that the group names ends leases, writes snapshots, and truncates; a process
// without a group makes calls and reads what the other one kept.
func TestAKeeperKeeps(t *testing.T) {
	c, release := connect(t)
	defer release()
	s, err := loghost.New(config(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer start(t, s)()
	log := c.Partition(topics.Queue("seats"), 0)
	call := func(h *sharedlog.Host, m *events.QueueClaimed) {
		t.Helper()
		if v, err := h.Call(t.Context(), m, nil); err != nil || !v.Accepted() && v.Code != events.CodeDuplicateEntry {
			t.Fatalf("verdict %+v, %v", v, err)
		}
	}
	for began := time.Now(); ; {
		call(s.Host(0), &events.QueueClaimed{Ids: []string{"a"}, LeaseMs: 1})
		start, _, err := eventlog.Bounds(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		if start > 0 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("the log is not truncated in time")
		}
	}
	cfg := config(t, c)
	cfg.Group, cfg.Create = "", nil
	command, err := loghost.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer start(t, command)()
	call(command.Host(0), &events.QueueClaimed{Ids: []string{"b"}, LeaseMs: 1})
}

func TestValidate(t *testing.T) {
	c, err := cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, change := range map[string]func(*loghost.Config){
		"no log":             func(c *loghost.Config) { c.Log = events.Log{} },
		"a log of one owner": func(c *loghost.Config) { c.Log.Kind = events.OwnedLog },
		"no core":            func(c *loghost.Config) { c.NewCore = nil },
		"no cluster":         func(c *loghost.Config) { c.Cluster = nil },
		"no source":          func(c *loghost.Config) { c.Encoder.Source = "" },
		"no such partition":  func(c *loghost.Config) { c.Partitions = []int32{1} },
	} {
		cfg := config(t, c)
		change(&cfg)
		if _, err := loghost.New(cfg); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

// A broker that is gone is told of, and a run that cannot begin ends with its error.
func TestATopicThatCannotBeUsed(t *testing.T) {
	c, release := connect(t)
	defer release()
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: topics.Queue("seats"), Partitions: 3}}); err != nil {
		t.Fatal(err)
	}
	s, err := loghost.New(config(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("it ran on a topic with three partitions")
	}
	if _, err := s.Host(0).Call(t.Context(), &events.QueueEnqueued{Id: "a"}, nil); !errors.Is(err, sharedlog.ErrEnded) {
		t.Errorf("a call after that: %v", err)
	}
}
