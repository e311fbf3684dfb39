package run

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager"
	global "github.com/spanway/spanway/services/manager/network"
	managed "github.com/spanway/spanway/services/manager/site"
)

// networks are a global manager and the local manager of its own site, ams, on one cluster.
type networks struct {
	t      *testing.T
	g      *guarded
	topics events.Topics
	all    *cluster.Cluster // may do everything
	round  atomic.Int64
}

func (g *guarded) rightsOfNetworks(t *testing.T) {
	w := &networks{t: t, g: g, topics: events.Topics{Prefix: events.DefaultPrefix}, all: g.operator(t)}
	rights := g.granted(t, []events.Role{events.RoleGlobalManager, events.RoleChannel, events.RoleLocalManager, events.RoleOperator})
	g.create(t, events.RoleGlobalManager)
	g.create(t, events.RoleLocalManager)
	g.eachTakenAway(t, events.RoleGlobalManager, rights[events.RoleGlobalManager], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		return w.manage(ctx, c, w.g.broker.Listener(apache.SASL), events.RoleChannel, w.all, log)
	})
	g.eachTakenAway(t, events.RoleChannel, rights[events.RoleChannel], func(ctx context.Context, _ *cluster.Cluster, log *slog.Logger) error {
		own := (&programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca, log: slog.New(slog.DiscardHandler)}).open(string(events.RoleGlobalManager))
		defer own.Close()
		return w.manage(ctx, own, w.g.broker.Listener(apache.SASL), events.RoleChannel, w.all, log)
	})
	g.eachTakenAway(t, events.RoleLocalManager, rights[events.RoleLocalManager], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		return w.manage(ctx, w.all, g.broker.Addr(), "", c, log)
	})
	g.eachTakenAway(t, events.RoleOperator, rights[events.RoleOperator], w.operate)
}

// manage runs both managers until a change was applied at the site, its tasks were asked for, and
// all logs were truncated. The global manager connects to the site as the role, or as one that may
// do everything.
func (w *networks) manage(ctx context.Context, here *cluster.Cluster, broker string, channel events.Role, there *cluster.Cluster, log *slog.Logger) error {
	config := manager.DefaultGlobalConfig()
	config.Site, config.Logs = "ams", eager
	connect := func(string) (*cluster.Cluster, error) {
		return (&programs{t: w.t, brokers: []string{broker}, ca: w.g.ca, log: log}).open(string(channel)), nil
	}
	if channel == "" {
		connect = func(string) (*cluster.Cluster, error) {
			return cluster.Open(cluster.Config{Brokers: []string{broker}, Logger: log})
		}
	}
	g, err := newGlobalManager(config, manager.Deps{Cluster: here, Logger: log}, Delivering{Connect: connect, Patience: time.Second})
	if err != nil {
		return err
	}
	local := manager.DefaultLocalConfig()
	local.Site, local.Logs = "ams", eager
	l, err := manager.NewLocal(local, manager.Deps{Cluster: there, Logger: log})
	if err != nil {
		return err
	}
	return beside(ctx, g.Run, g.Ready(), func(ctx context.Context) error {
		return beside(ctx, l.Run, l.Ready(), w.changes)
	})
}

// changes asks for changes until all logs of networks are truncated. A site that is added gets a
// queue.
func (w *networks) changes(ctx context.Context) error {
	other := fmt.Sprintf("other-%d", w.round.Add(1))
	if err := w.ask(ctx, w.all, &events.NetworkSiteRequested{Site: other}); err != nil {
		return err
	}
	if err := becomesThere(ctx, w.all, w.topics.Queue(events.SiteQueue(other))); err != nil {
		return err
	}
	if err := w.ask(ctx, w.all, &events.NetworkSiteRetireRequested{Site: other, Force: true}); err != nil {
		return err
	}
	if err := w.ask(ctx, w.all, &events.NetworkSiteRequested{Site: "ams"}); err != nil {
		return err
	}
	changes, status := w.topics.NetworkChanges(), w.topics.NetworkStatus()
	first := func(string) int32 { return 0 }
	logs := []string{w.topics.NetworkRequests(), changes, events.Snapshots(changes), w.topics.NetworkInbox(), status, events.Snapshots(status)}
	if err := becomesThere(ctx, w.all, w.topics.Queue(events.SiteQueue("ams"))); err != nil {
		return err
	}
	queue := w.topics.Queue(events.SiteQueue("ams"))
	s, err := startsOf(ctx, w.all, first, append(logs, queue, events.Snapshots(queue))...)
	if err != nil {
		return err
	}
	pool := events.Partition(string(events.DefaultPool), events.PoolPartitions)
	_, tasks, err := w.all.Offsets(ctx, w.topics.Requests(), pool)
	if err != nil {
		return err
	}
	if err := s.later(ctx, func() error { return w.change(ctx, w.all) }); err != nil {
		return err
	}
	return longer(ctx, w.all, w.topics.Requests(), pool, tasks)
}

// change asks for another network: of one that is there a task may be in flight, and nothing runs
// any.
func (w *networks) change(ctx context.Context, c *cluster.Cluster) error {
	return w.ask(ctx, c, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{{
		Path: fmt.Sprintf("/networks/shop-%d", w.round.Add(1)), Span: &events.NetworkSpan{Sites: []string{"ams"}},
		Spec: &events.NetworkObject_Network{Network: &events.Network{}},
	}}})
}

func (w *networks) ask(ctx context.Context, c *cluster.Cluster, m proto.Message) error {
	return w.append(ctx, c, w.topics.NetworkRequests(), m)
}

func (w *networks) append(ctx context.Context, c *cluster.Cluster, topic string, m proto.Message) error {
	r, err := events.Encoder{Source: "/test"}.Encode(uuid.NewString(), m)
	if err != nil {
		return err
	}
	_, err = c.Partition(topic, 0).Append(ctx, []events.Record{r})
	return err
}

// operate asks for a change, and for one of a site's own, and folds what was decided.
func (w *networks) operate(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
	if err := w.change(ctx, c); err != nil {
		return err
	}
	if err := w.append(ctx, c, w.topics.NetworkInbox(), &events.NetworkLocalRequested{}); err != nil {
		return err
	}
	for topic, fold := range map[string]func() eventlog.Fold{
		w.topics.NetworkChanges(): func() eventlog.Fold { return global.New() },
		w.topics.NetworkStatus():  func() eventlog.Fold { return managed.New(managed.Config{Site: "ams", Topics: w.topics}) },
	} {
		f := eventlog.NewFollower(eventlog.FollowerConfig{
			Log: c.Partition(topic, 0), Topic: topic, Now: time.Now, NewFold: fold,
			Snapshots: &eventlog.Snapshots{Log: c.Partition(events.Snapshots(topic), 0), Topic: topic},
		})
		if err := f.Step(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// becomesThere waits until there is a topic.
func becomesThere(ctx context.Context, c *cluster.Cluster, topic string) error {
	if _, err := c.Kafka().AwaitTopic(ctx, topic); err != nil {
		return fmt.Errorf("wait for the topic %s: %w", topic, err)
	}
	return nil
}
