package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

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

// clusterFor connects to a broker of its own.
func clusterFor(t *testing.T) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// own runs the owner of a log until the test ends.
func own[I any](ctx context.Context, t *testing.T, run *sync.WaitGroup, cfg logowner.Config[I]) {
	t.Helper()
	cfg.Name, cfg.Group, cfg.Telemetry.Logger = "spanway.test", cfg.Log, quiet
	cfg.Encoder = events.Encoder{Source: "/spanway/test"}
	s, err := logowner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run.Go(func() {
		if err := s.Run(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("own %s: %v", cfg.Log, err)
		}
	})
}

// From the log of a global manager over a queue to the log of a local manager, on two clusters; the
// delivery ends in the middle, and another one goes on.
func TestOverTwoClusters(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute) // It only bounds a hang.
	var running sync.WaitGroup
	global, local := clusterFor(t), clusterFor(t)
	defer running.Wait()
	defer stop()
	logs := slices.Concat(topics.NetworkLogs(), topics.Catalogue())
	own(ctx, t, &running, logowner.Config[network.Command]{
		Log: topics.NetworkChanges(), Catalogue: logs, Cluster: logowner.On(global),
		Inputs:  []logowner.Input[network.Command]{{Topic: topics.NetworkRequests(), Prepare: network.Prepare, Silence: true}},
		NewCore: func(int32) eventlog.Core[network.Command] { return network.New() },
	})
	own(ctx, t, &running, logowner.Config[site.Input]{
		Log: topics.NetworkStatus(), Catalogue: logs, Cluster: logowner.On(local),
		Inputs:  []logowner.Input[site.Input]{{Topic: topics.NetworkInbox(), Prepare: site.Prepare, Silence: true}},
		NewCore: func(int32) eventlog.Core[site.Input] { return site.New(site.Config{Site: "ams", Topics: topics}) },
	})
	for _, of := range []*cluster.Cluster{global, local} {
		if _, err := of.Ensure(ctx, events.Specs(logs)); err != nil {
			t.Fatal(err)
		}
	}
	name := events.SiteQueue("ams")
	if err := queue.Create(ctx, global, name, QueueRules, queue.Options{Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	changes, board, ready := NewChanges(), trouble.NewBoard(quiet), make(chan struct{})
	running.Go(func() {
		topic := topics.NetworkChanges()
		snapshots := &eventlog.Snapshots{Log: global.Partition(events.Snapshots(topic), 0), Topic: topic}
		if err := changes.Follow(ctx, board, topic, global.Partition(topic, 0), snapshots, func() { close(ready) }); err != nil {
			t.Error(err)
		}
	})
	requests := OnRequests(global, topics, "/spanway/test").(*appender)
	ask := func(id string, m proto.Message) {
		if err := requests.Append(ctx, []Message{{id, m}}); err != nil {
			t.Fatal(err)
		}
	}
	ask("site", &events.NetworkSiteRequested{Site: "ams"})
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatal("the log of changes was not read to its end")
	}
	const rounds, each = 3, 40
	for round := range rounds {
		q, err := queue.Open(ctx, global, name, queue.Options{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		d := New(Config{
			Site: "ams", Fold: changes, Queue: OnQueue(q), Inbox: OnInbox(local, topics, "/spanway/test"), Status: OnStatus(local, topics, "ams"),
			Requests: requests, Board: board, Window: 8, Batch: 3,
		})
		once, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- d.Run(once) }()
		for i := range each {
			ask(fmt.Sprintf("change-%d-%d", round, i), put(i%7, fmt.Sprint(round, i)))
		}
		last := round == rounds-1
		for applied := false; !applied; {
			moved := changes.Moved()
			changes.Look(func(core *network.Core) {
				of, _ := core.StandingOf("ams")
				all := core.Change() == uint64((round+1)*each)
				applied = of.Applied > uint64(round*each)+each/2 || all && of.Applied == of.Last && !of.Syncing
				if last {
					applied = all && of.Applied == of.Last && !of.Syncing
				}
			})
			if !applied {
				select {
				case <-moved:
				case <-ctx.Done():
					t.Fatal("the changes were not applied at the site")
				}
			}
		}
		for i := (queue.Info{Counts: queue.Counts{Entries: 1}}); last && i.Counts.Entries > 0; {
			if i, err = q.Info(ctx, true); err != nil {
				t.Fatal(err)
			}
		}
		end()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: local.Partition(topics.NetworkStatus(), 0), Topic: topics.NetworkStatus(), Now: time.Now,
		NewFold: func() eventlog.Fold { return site.New(site.Config{Site: "ams", Topics: topics}) },
	})
	if err := f.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	has := f.Fold().(*site.Core).Wanted()
	changes.Look(func(core *network.Core) {
		if must := core.State().Project("ams"); len(must) != 7 || model.Digest(must) != model.Digest(has) {
			t.Errorf("the site has %d objects, and must have %d", len(has), len(must))
		}
	})
}
