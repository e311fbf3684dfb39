package run

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator"
)

// copied are two sites: fra copies from ams.
type copied struct {
	t      *testing.T
	topics events.Topics
	// there and here may do everything at ams and at fra; declare and announce are of those
	// roles.
	there, here *cluster.Cluster
	declare     *replication.Site
	announce    *cluster.Cluster
	round       int
}

func (g *guarded) rightsOfCopies(t *testing.T) {
	ams := guard(t, apache.Latest)
	w := &copied{t: t, topics: events.Topics{Prefix: events.DefaultPrefix}, there: ams.operator(t), here: g.operator(t)}
	rights := g.granted(t, []events.Role{events.RoleReplicator, events.RoleDeclarer}, "--copy", "copied.*")
	for role, of := range ams.granted(t, []events.Role{events.RoleReplicatorSource, events.RoleAnnouncer}, "--copy", "copied.*") {
		rights[role] = of
	}
	g.create(t, events.RoleReplicator)
	ams.create(t, events.RoleAnnouncer)
	w.announce = ams.as(t, events.RoleAnnouncer)
	applications, _ := w.topics.Log(w.topics.ReplicationApplications())
	ams.prepare(t, []events.Log{applications})
	var err error
	if w.declare, err = replication.Open(t.Context(), g.as(t, events.RoleDeclarer), replication.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.declare.Close() }()
	source := ams.as(t, events.RoleReplicatorSource)
	g.eachTakenAway(t, events.RoleReplicator, rights[events.RoleReplicator], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		return w.replicate(ctx, c, source, log)
	})
	ams.eachTakenAway(t, events.RoleReplicatorSource, rights[events.RoleReplicatorSource], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		own := (&programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca, log: log}).open(string(events.RoleReplicator))
		defer own.Close() // What is in the way of a copy is told by its target's connection.
		return w.replicate(ctx, own, c, log)
	})
	g.eachTakenAway(t, events.RoleDeclarer, rights[events.RoleDeclarer], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		site, err := replication.Open(ctx, c, replication.Options{Brief: true, Logger: log})
		if err != nil {
			return err
		}
		_, err = site.Apply(ctx, replication.Spec{Name: "declared", Source: "ams", Include: []string{"none"}}, replication.Any)
		if err == nil {
			_, err = replication.ReadStatus(ctx, c, events.DefaultPrefix)
		}
		if ended := site.Close(); err == nil || ended != nil {
			err = ended
		}
		return err
	})
	ams.eachTakenAway(t, events.RoleAnnouncer, rights[events.RoleAnnouncer], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		return replication.Announce(ctx, c, replication.Options{Logger: log}, replication.Application{Name: "other", Topics: []string{"other"}})
	})
}

// replicate runs a replicator until it has copied a topic that a link names and one that an
// application announces, has followed what became of them, has sent a dead letter, has saved
// checkpoints, and has truncated the log of links.
func (w *copied) replicate(ctx context.Context, target, source *cluster.Cluster, log *slog.Logger) error {
	w.round++
	config := replicator.DefaultConfig()
	config.Site, config.Follow, config.Logs = "fra", 100*time.Millisecond, eager
	r, err := replicator.New(config, replicator.Deps{Cluster: target, Sources: map[string]*cluster.Cluster{"ams": source}, Logger: log})
	if err != nil {
		return err
	}
	named, announced := fmt.Sprintf("copied.named.%d", w.round), fmt.Sprintf("copied.announced.%d", w.round)
	for _, topic := range []string{named, announced} {
		if err := w.there.Kafka().Create(ctx, events.TopicSpec{Name: topic, Partitions: 1}); err != nil {
			return err
		}
		now := time.Now().UnixMilli() // What is old brokers delete.
		records := []events.Record{
			{Timestamp: now, Value: []byte("a")}, {Timestamp: now, Value: []byte("c")},
			{Timestamp: now, Value: []byte("b"), Headers: []events.Header{{Key: "sites", Value: []byte("elsewhere")}}},
		}
		if _, err := w.there.Partition(topic, 0).Append(ctx, records); err != nil {
			return err
		}
	}
	link := fmt.Sprintf("in-%d", w.round)
	defer func() { _ = w.declare.Delete(context.WithoutCancel(ctx), link) }()
	return beside(ctx, r.Run, r.Ready(), func(ctx context.Context) error { return w.copies(ctx, link, named, announced) })
}

func (w *copied) copies(ctx context.Context, link, named, announced string) error {
	_, letters, err := w.here.Offsets(ctx, w.topics.DeadLetters(), 0)
	if err != nil {
		return err
	}
	checkpoints, err := w.saved(ctx)
	if err != nil {
		return err
	}
	log := w.topics.ReplicationLinks()
	s, err := startsOf(ctx, w.here, func(string) int32 { return 0 }, log, events.Snapshots(log))
	if err != nil {
		return err
	}
	if err := replication.Announce(ctx, w.announce, replication.Options{}, replication.Application{Name: link, Topics: []string{announced}}); err != nil {
		return err
	}
	spec := replication.Spec{
		Name: link, Source: "ams", Model: "routed", Include: []string{named}, Applications: []string{link},
		Routing: replication.Routing{Allowed: []string{"fra"}, Unrouted: true}, On: replication.Policies{Uncopyable: "go_on"},
	}
	if _, err := w.declare.Apply(ctx, spec, replication.Any); err != nil {
		return err
	}
	for _, topic := range []string{named, announced} {
		if _, err := w.here.Kafka().AwaitTopic(ctx, topic); err != nil {
			return err
		}
		if err := longer(ctx, w.here, topic, 0, 2); err != nil {
			return err
		}
	}
	if err := longer(ctx, w.here, w.topics.DeadLetters(), 0, letters); err != nil {
		return err
	}
	if err := w.follows(ctx, named); err != nil {
		return err
	}
	err = becomes(ctx, func() (bool, error) {
		n, err := w.saved(ctx)
		return n > checkpoints, err
	})
	if err != nil {
		return fmt.Errorf("wait for a checkpoint: %w", err)
	}
	return s.later(ctx, func() error {
		_, err := w.declare.Apply(ctx, spec, replication.Any)
		spec.RecordsPerSecond++
		return err
	})
}

// saved is how many checkpoints were saved.
func (w *copied) saved(ctx context.Context) (n int64, err error) {
	for p := range events.CheckpointPartitions {
		_, end, err := w.here.Offsets(ctx, w.topics.ReplicationCheckpoints(), p)
		if err != nil {
			return 0, err
		}
		n += end
	}
	return n, nil
}

// follows changes a topic of the source, and waits until its copy has followed.
func (w *copied) follows(ctx context.Context, topic string) error {
	there, here := w.there.Kafka(), w.here.Kafka()
	if err := there.Grow(ctx, topic, 2); err != nil {
		return err
	}
	if err := there.Set(ctx, topic, map[string]string{"segment.ms": "1234567"}); err != nil {
		return err
	}
	if err := there.DeleteRecords(ctx, topic, 0, 2); err != nil {
		return err
	}
	for what, look := range map[string]func() (bool, error){
		"grown": func() (bool, error) {
			n, err := here.Partitions(ctx, topic)
			return n == 2, err
		},
		"set": func() (bool, error) {
			all, err := here.Settings(ctx, []string{topic})
			return all[topic]["segment.ms"] == "1234567", err
		},
		"trimmed": func() (bool, error) {
			start, _, err := here.Offsets(ctx, topic, 0)
			return start > 0, err
		},
	} {
		if err := becomes(ctx, look); err != nil {
			return fmt.Errorf("wait until %s is %s: %w", topic, what, err)
		}
	}
	return nil
}
