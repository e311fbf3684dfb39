package run

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/scheduler"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// aScheduler is one that says nothing.
func aScheduler(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
	return Scheduler(ctx, scheduler.DefaultConfig(), scheduler.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)}, tel)
}

// A service whose group has no coordinator learns of no partition that falls to it, so it is
// not ready until it is back in its group.
func TestReadinessFollowsTheGroup(t *testing.T) {
	broker := startBroker(t, embedded.Config{})
	defer broker.Close()
	redis := startRedis(t, 0)
	defer redis.Close()
	admin, err := cluster.Open(cluster.Config{Brokers: broker.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := queue.Create(t.Context(), admin, "q", queue.Rules{}, queue.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	services := otherServices(redis)
	services["scheduler"] = aScheduler
	probes := map[string]string{}
	for name, run := range services {
		probes[name] = serveOne(t, broker.Addrs(), run)
	}
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
	}
	found := broker.LoseGroups()
	for name := range services {
		awaitReady(t, probes[name], http.StatusServiceUnavailable, name+" (join group spanway.")
	}
	found()
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
	}
}

// A scheduler that has lost a partition to an owner outside of its group decides nothing there,
// and is not ready until it owns it again.
func TestReadinessFollowsPartitions(t *testing.T) {
	broker := startBroker(t, embedded.Config{})
	defer broker.Close()
	probe := serveOne(t, broker.Addrs(), aScheduler)
	awaitReady(t, probe, http.StatusOK, "ok")
	foreign, end := context.WithCancel(t.Context())
	var claiming sync.WaitGroup
	claiming.Go(func() { claimAgainAndAgain(foreign, t, broker.Addrs(), 3) })
	defer claiming.Wait()
	defer end()
	awaitReady(t, probe, http.StatusServiceUnavailable, "scheduler (own spanway.tasks.events/3")
	end()
	awaitReady(t, probe, http.StatusOK, "ok")
}

// claimAgainAndAgain claims a partition of tasks as an owner of no group would, each time that
// another has claimed it, until ctx ends.
func claimAgainAndAgain(ctx context.Context, t *testing.T, brokers []string, partition int32) {
	c, err := cluster.Open(cluster.Config{Brokers: brokers, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	for ctx.Err() == nil {
		_ = eventlog.NewOwner(eventlog.OwnerConfig[*placement.Prepared]{
			Log: c.Partition(topics.Events(), partition), Topic: topics.Events(), Partition: partition, Inputs: noInputs{}, Outbox: noOutbox{},
			NewCore: func() eventlog.Core[*placement.Prepared] {
				return placement.New(placement.Config{Topics: topics, Partition: partition})
			},
			Encoder: events.Encoder{Source: "/foreign"}, Now: time.Now,
			Random: func() (id [16]byte) { _, _ = rand.Read(id[:]); return id },
		}).Run(ctx)
	}
}

type noInputs struct{}

func (noInputs) Seek(map[eventlog.TopicPartition]int64) {}

func (noInputs) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[*placement.Prepared], error) {
	wake := time.NewTimer(wait.For)
	defer wake.Stop()
	select {
	case <-ctx.Done():
	case <-wake.C:
	}
	return eventlog.Arrivals[*placement.Prepared]{}, ctx.Err()
}

type noOutbox struct{}

func (noOutbox) Room(string, int32) bool                  { return true }
func (noOutbox) Send(int64, string, int32, events.Record) {}
func (noOutbox) Through(limit int64) int64                { return limit }
func (noOutbox) Reset()                                   {}
