package audit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// site is an embedded cluster with a topic of two partitions.
func site(t *testing.T, id string) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{ClusterID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, err := cluster.Open(cluster.Config{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "orders", Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	return c
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// twoSites have 100 records in partition 1 of the source, of which all but each tenth
// were copied.
func twoSites(t *testing.T) (ams, fra *cluster.Cluster) {
	ams, fra = site(t, "ams"), site(t, "fra")
	var all, copies []events.Record
	for i := range int64(100) {
		r := record(i)
		r.Timestamp = time.Now().UnixMilli()
		all = append(all, r)
		mark := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 1}, Offset: i}, Generation: 1}
		if i%10 != 3 {
			copies = append(copies, mark.Mark(&r, events.ClusterPartition{Cluster: "fra", Topic: "orders", Partition: 1}))
		}
	}
	ctx := limited(t)
	for c, records := range map[*cluster.Cluster][]events.Record{ams: all, fra: copies} {
		if _, err := c.Kafka().Partition("orders", 1).Append(ctx, records); err != nil {
			t.Fatal(err)
		}
	}
	return ams, fra
}

func TestOnClusters(t *testing.T) {
	ams, fra := twoSites(t)
	ctx := limited(t)
	p, err := Open(ctx, Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.All(ctx)
	if err != nil || len(all) != 2 || !all[0].Equal() || all[1].Equal() || all[1].Wrong.Total() != 10 || all[1].First[0].Source != 3 || all[1].Same != 90 {
		t.Errorf("%+v, %v", all, err)
	}
	got, err := p.Translate(ctx, 1, 50)
	if err != nil || !got.Exact || got.Target.Offset != 45 || string(got.Target.Key) != "50" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = p.TranslateBack(ctx, 1, 45); err != nil || !got.Exact || got.Source.Offset != 50 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = p.Translate(ctx, 1, 53); err != nil || got.Exact || *got.Before != (Twin{52, 47, 1}) || *got.After != (Twin{54, 48, 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Open(ctx, Config{Source: ams, Target: ams, SourceTopic: "orders", TargetTopic: "orders"}); !errors.As(err, new(*SameCluster)) {
		t.Errorf("the same cluster: %v", err)
	}
}

func TestGroupsAreCarriedOver(t *testing.T) {
	ams, fra := twoSites(t)
	ctx := limited(t)
	p, err := Open(ctx, Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	const group = "shop"
	commit := func(c *cluster.Cluster, offset int64) {
		t.Helper()
		if err := c.Kafka().SetCommitted(ctx, group, "orders", map[int32]int64{1: offset}); err != nil {
			t.Fatal(err)
		}
	}
	carry := func(force bool, want Position, changed int) {
		t.Helper()
		g, err := p.TranslateGroup(ctx, group)
		if err != nil || cmp.Diff([]Position{want}, g.Positions) != "" {
			t.Errorf("%+v, %v; want %+v", g, err, want)
		}
		if n, err := p.CommitGroup(ctx, g, force); n != changed || err != nil {
			t.Errorf("%d changed, %v; want %d", n, err, changed)
		}
	}
	commit(ams, 53)
	carry(false, Position{Partition: 1, Source: 53, Target: 48, Had: -1}, 1)
	carry(false, Position{Partition: 1, Source: 53, Target: 48, Had: 48}, 0)
	commit(fra, 60)
	carry(false, Position{Partition: 1, Source: 53, Target: 48, Had: 60}, 0)
	carry(true, Position{Partition: 1, Source: 53, Target: 48, Had: 60}, 1)
	commit(ams, 100)
	carry(false, Position{Partition: 1, Source: 100, Target: 90, Had: 48}, 1)
	commit(ams, 99)
	g, err := p.TranslateGroup(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	inUse(ctx, t, p, fra, group, g)
}

// inUse: a group that has members is left alone.
func inUse(ctx context.Context, t *testing.T, p *Pair, fra *cluster.Cluster, group string, g Group) {
	t.Helper()
	in, leave := context.WithCancel(ctx)
	defer leave()
	joined, end := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		end <- fra.Kafka().Join(in, group, "orders", func(ctx context.Context, _ *kafka.Generation) {
			select {
			case joined <- struct{}{}:
			default:
			}
			<-ctx.Done()
		})
	}()
	select {
	case <-joined:
	case <-ctx.Done():
		t.Fatal("no member has joined")
	}
	if now, err := p.TranslateGroup(ctx, group); err != nil || now.TargetMembers != 1 || now.SourceMembers != 0 {
		t.Errorf("%+v, %v", now, err)
	}
	if _, err := p.CommitGroup(ctx, g, true); !errors.As(err, new(*kafka.GroupInUse)) {
		t.Errorf("a group in use: %v", err)
	}
	leave()
	<-end
}
