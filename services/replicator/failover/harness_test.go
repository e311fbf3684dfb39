package failover_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/failover"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// place is a site with a cluster, a replicator and its links.
type place struct {
	t       *testing.T
	name    string
	broker  *sitetest.Broker
	cluster *cluster.Cluster
	links   *replication.Site
	stop    func() // the replicator
}

const (
	partitions = 2
	retention  = "360000000"
)

// places are two sites, each of which knows the other, and a topic at ams that fra copies.
func places(t *testing.T) (ams, fra *place) {
	t.Helper()
	return on(t, sitetest.Embedded(t, "ams"), sitetest.Embedded(t, "fra"))
}

// on are places with these brokers.
func on(t *testing.T, first, second *sitetest.Broker) (ams, fra *place) {
	t.Helper()
	ams = &place{t: t, name: "ams", broker: first, cluster: first.Connect()}
	fra = &place{t: t, name: "fra", broker: second, cluster: second.Connect()}
	if err := ams.cluster.Kafka().Create(t.Context(), events.TopicSpec{Name: "orders", Partitions: partitions, Config: map[string]string{"retention.ms": retention}}); err != nil {
		t.Fatal(err)
	}
	ams.serve(fra)
	fra.serve(ams)
	return ams, fra
}

// serve opens the links, and runs a replicator that copies from the other site.
func (p *place) serve(other *place) {
	p.t.Helper()
	var err error
	if p.links, err = replication.Open(p.t.Context(), p.cluster, replication.Options{Create: true, Logger: quiet}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = p.links.Close() })
	p.replicate(other)
}

// replicate runs a replicator until stop.
func (p *place) replicate(other *place) {
	p.t.Helper()
	cfg := replicator.DefaultConfig()
	cfg.Site, cfg.Instance, cfg.Follow = p.name, "one", 200*time.Millisecond
	r, err := replicator.New(cfg, replicator.Deps{Cluster: p.cluster, Sources: map[string]*cluster.Cluster{other.name: other.broker.Connect()}, Logger: quiet})
	if err != nil {
		p.t.Fatal(err)
	}
	p.stop = sitetest.Run(p.t, p.name, r)
}

// write writes n records to each partition, which go on from first.
func (p *place) write(first, n int) {
	p.t.Helper()
	for partition := range int32(partitions) {
		sitetest.Append(p.t, p.cluster, "orders", partition, values(first, first+n))
	}
}

// read is a consumer group: it reads on from where it has committed, at most so many records
// of each partition, and commits.
func (p *place) read(group string, most int) (values map[int32][]string) {
	p.t.Helper()
	ctx := p.t.Context()
	values = map[int32][]string{}
	committed, err := p.cluster.Kafka().Committed(ctx, group, "orders", partitions)
	if err != nil {
		p.t.Fatal(err)
	}
	for partition := range int32(partitions) {
		for at := committed[partition]; len(values[partition]) < most; {
			page, err := p.cluster.Partition("orders", partition).Fetch(ctx, at, 0)
			if err != nil {
				p.t.Fatal(err)
			}
			for i := 0; i < len(page.Records) && len(values[partition]) < most; i++ {
				values[partition] = append(values[partition], string(page.Records[i].Value))
				committed[partition] = page.Records[i].Offset + 1
			}
			if at = page.Next; at >= page.End {
				break
			}
		}
	}
	if err := p.cluster.Kafka().SetCommitted(ctx, group, "orders", committed); err != nil {
		p.t.Fatal(err)
	}
	return values
}

// holds waits until each partition has the values 0 to n-1, in this order, and fails if it
// has others.
func (p *place) holds(n int) {
	p.t.Helper()
	for partition := range int32(partitions) {
		p.has(partition, values(0, n))
	}
}

// values are those of ranges, from the first of two on and below the second.
func values(ranges ...int) (all []string) {
	for ; len(ranges) > 1; ranges = ranges[2:] {
		for i := ranges[0]; i < ranges[1]; i++ {
			all = append(all, fmt.Sprint(i))
		}
	}
	return all
}

func (p *place) has(partition int32, want []string) {
	p.t.Helper()
	got := sitetest.Values(p.t, p.cluster, "orders", partition, len(want))
	if !slices.Equal(got, want) {
		p.t.Errorf("orders/%d at %s has %q, want %q", partition, p.name, got, want)
	}
}

// from is how a link of the place is failed over.
func (p *place) from(other *place) failover.Config {
	return failover.Config{
		Link: "orders", Here: failover.Site{Name: p.name, Cluster: p.cluster, Links: p.links}, Prefix: "spanway.",
		Source: func(context.Context, *replication.Link) (failover.Site, error) {
			return failover.Site{Name: other.name, Cluster: other.cluster, Links: other.links}, nil
		},
		Audit: func(l *replication.Link, topic, target string) audit.Config {
			return audit.Config{SourceTopic: topic, TargetTopic: target, BothWays: l.Tolerates(topic), Tolerated: func(p int32) int64 { return l.Tolerated(topic, p) }}
		},
		Quiet: 50 * time.Millisecond, Timeout: time.Minute,
	}
}

// link declares the link of fra, and waits until the topic is there.
func (p *place) link() {
	p.t.Helper()
	if _, err := p.links.Apply(p.t.Context(), replication.Spec{Name: "orders", Source: "ams", Include: []string{"orders"}}, replication.Any); err != nil {
		p.t.Fatal(err)
	}
	p.reported()
}

// copied waits until the site has reported that of each partition the first n records are
// copied. They may stand in the copy before that: who goes on by what was reported, such as a
// fail-over without the source, waits for this.
func (p *place) copied(n int64) {
	p.t.Helper()
	p.report(func(s replication.Status) bool {
		return len(s.Copies) == partitions && !slices.ContainsFunc(s.Copies, func(m *events.ReplicationCopyReported) bool { return m.Next < n || m.LagUnknown })
	})
}

var errReported = errors.New("it is reported")

// reported waits until each copy is reported.
func (p *place) reported() {
	p.t.Helper()
	p.report(func(s replication.Status) bool { return len(s.Copies) == partitions })
}

func (p *place) report(ok func(replication.Status) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	err := replication.WatchStatus(ctx, p.cluster, "", func(s replication.Status) error {
		if ok(s) {
			return errReported
		}
		return nil
	})
	if !errors.Is(err, errReported) {
		p.t.Fatal(err)
	}
}

// run fails over, and demands that it succeeds.
func run(t *testing.T, c failover.Config) failover.Report {
	t.Helper()
	r, err := failover.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
