package run

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// Each program works on Apache Kafka with the rights that deploy/acls/acls.sh gives it, and
// names the one that is missing when any of them is taken away.
func TestApacheRights(t *testing.T) {
	g := guard(t, apache.Latest)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	g.prepare(t, append(topics.Catalogue(), append(topics.ReplicationLogs(), topics.NetworkLogs()...)...))
	t.Run("at once", func(t *testing.T) {
		for name, f := range map[string]func(*testing.T){
			"tasks": g.rightsOfTasks, "identifiers": g.rightsOfIdentifiers, "queues": g.rightsOfQueues, "copies": g.rightsOfCopies, "networks": g.rightsOfNetworks,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f(t)
			})
		}
	})
	t.Run("reader", g.rightsOfReaders)
	t.Run("doctor", g.rightsOfDoctors)
	t.Run("foreign", g.foreign)
}

// tasksOf is a system of tasks.
type tasksOf struct {
	*guarded
	t      *testing.T
	topics events.Topics
	// all may do everything; submit is a client with the rights of one.
	all    *cluster.Cluster
	submit *client.Client
	round  int
}

func (g *guarded) rightsOfTasks(t *testing.T) {
	rights := g.granted(t, []events.Role{events.RoleScheduler, events.RoleEngine, events.RoleProducer, events.RoleClient})
	w := &tasksOf{guarded: g, t: t, topics: events.Topics{Prefix: events.DefaultPrefix}, all: g.operator(t)}
	w.submit = w.client(g.as(t, events.RoleClient))
	quiet := slog.New(slog.DiscardHandler)
	g.create(t, events.RoleScheduler)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	e := w.engine(g.as(t, events.RoleEngine), quiet, "e1", "echo")
	go func() { ended <- e.Run(ctx) }()
	g.eachTakenAway(t, events.RoleScheduler, rights[events.RoleScheduler], w.schedule)
	s, err := w.scheduler(g.as(t, events.RoleScheduler), quiet)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- s.Run(ctx) }()
	g.eachTakenAway(t, events.RoleEngine, rights[events.RoleEngine], w.execute)
	g.eachTakenAway(t, events.RoleProducer, rights[events.RoleProducer], func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
		id, r, err := request()
		if err == nil {
			_, err = c.Partition(w.topics.Requests(), events.PoolPartition(events.DefaultPool)).Append(ctx, []events.Record{r})
		}
		if err == nil {
			_, err = w.submit.Wait(ctx, events.DefaultPool, id)
		}
		return err
	})
	g.eachTakenAway(t, events.RoleClient, rights[events.RoleClient], func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
		of := w.client(c)
		if err := of.Check(ctx); err != nil {
			return err
		}
		_, err := of.Do(ctx, client.Task{Kind: "echo"})
		return err
	})
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func (w *tasksOf) client(c *cluster.Cluster) *client.Client {
	w.t.Helper()
	made, err := client.New(client.Config{Cluster: c})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = made.Close(context.Background()) })
	return made
}

// engine makes an engine for a kind of tasks.
func (w *tasksOf) engine(c *cluster.Cluster, log *slog.Logger, id, kind string) *engine.Engine {
	e, err := engine.New(engine.Config{ID: id, Logger: log, Grace: -1}, engine.WithCluster(c))
	if err != nil {
		w.t.Fatal(err)
	}
	e.Handle(kind, func(_ context.Context, t *engine.Task) ([]byte, error) { return t.Payload, nil })
	return e
}

// execute runs an engine until it has executed a task.
func (w *tasksOf) execute(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
	w.round++
	kind := fmt.Sprintf("of-%d", w.round)
	e := w.engine(c, log, kind, kind)
	return beside(ctx, e.Run, e.Ready(), func(ctx context.Context) error {
		_, err := w.submit.Do(ctx, client.Task{Kind: kind})
		return err
	})
}

func (w *tasksOf) scheduler(c *cluster.Cluster, log *slog.Logger) (*scheduler.Service, error) {
	config := scheduler.DefaultConfig()
	config.Logs.SnapshotEvents, config.Logs.History = 1, time.Millisecond
	return scheduler.New(config, scheduler.Deps{Cluster: c, Logger: log})
}

// schedule runs a scheduler until a task has run, a request was handed on to its partition,
// a record that is none is a dead letter, and of each log that a scheduler truncates
// something was deleted.
func (w *tasksOf) schedule(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
	s, err := w.scheduler(c, log)
	if err != nil {
		return err
	}
	return beside(ctx, s.Run, s.Ready(), w.scheduled)
}

func (w *tasksOf) scheduled(ctx context.Context) error {
	home := events.PoolPartition(events.DefaultPool)
	stray, r, err := request()
	if err != nil {
		return err
	}
	_, letters, err := w.all.Offsets(ctx, w.topics.DeadLetters(), 0)
	if err != nil {
		return err
	}
	s, err := startsOf(ctx, w.all, func(string) int32 { return home },
		w.topics.Requests(), w.topics.Reports(), w.topics.Events(), events.Snapshots(w.topics.Events()))
	if err != nil {
		return err
	}
	if _, err := w.all.Partition(w.topics.Requests(), (home+1)%events.PoolPartitions).Append(ctx, []events.Record{r, {Value: []byte("no request")}}); err != nil {
		return err
	}
	if _, err := w.submit.Wait(ctx, events.DefaultPool, stray); err != nil {
		return err
	}
	if err := longer(ctx, w.all, w.topics.DeadLetters(), 0, letters); err != nil {
		return err
	}
	return s.later(ctx, func() error {
		_, err := w.submit.Do(ctx, client.Task{Kind: "echo"})
		return err
	})
}

// request is a record that asks for a task, as a producer in any language makes it.
func request() (events.TaskID, events.Record, error) {
	id := fmt.Sprintf("task-%d", time.Now().UnixNano())
	r, err := events.Encoder{Source: "/test"}.Encode(id, &events.TaskRequested{TaskId: id, Pool: string(events.DefaultPool), Kind: "echo"})
	r.Key, r.Timestamp = []byte(events.DefaultPool), time.Now().UnixMilli()
	return events.TaskID(id), r, err
}

// rightsOfReaders: a reader reads each log, and tells why of a task that ended before the
// beginning of the log.
func (g *guarded) rightsOfReaders(t *testing.T) {
	rights := g.granted(t, []events.Role{events.RoleReader}, "--queue", "orders")
	g.eachTakenAway(t, events.RoleReader, rights[events.RoleReader], func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
		q := query.New(query.Config{Logs: c})
		if _, _, err := q.Pools(ctx); err != nil {
			return err
		}
		for _, r := range rights[events.RoleReader] {
			start, _, err := c.Offsets(ctx, r.Topic, 0)
			if err == nil {
				_, err = c.Partition(r.Topic, 0).Fetch(ctx, start, time.Millisecond)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
