package replicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// patience bounds what a test waits for.
const patience = sitetest.Patience

// place is a site with a cluster of its own.
type place struct {
	t       *testing.T
	name    string
	broker  *sitetest.Broker
	cluster *cluster.Cluster
	others  map[string]*cluster.Cluster
	links   *declarations
	log     *slog.Logger // nil discards
	meter   metric.Meter
	audit   int64         // records a second, if not the default
	memory  int64         // bytes, if not the default
	follow  time.Duration // if not 200 ms
	linger  time.Duration // of its own topics, if not the default

	snapshots *admission.Limits // if not the default
	before    func(*Service)    // may change it before it runs
}

// places starts clusters of which each knows the others.
func places(t *testing.T, names ...string) map[string]*place {
	t.Helper()
	brokers := map[string]*sitetest.Broker{}
	for _, name := range names {
		brokers[name] = sitetest.Embedded(t, name)
	}
	return on(t, brokers)
}

// on are the sites with these brokers.
func on(t *testing.T, brokers map[string]*sitetest.Broker) map[string]*place {
	t.Helper()
	all := map[string]*place{}
	for name, b := range brokers {
		p := &place{t: t, name: name, broker: b, cluster: b.Connect(), links: &declarations{}, others: map[string]*cluster.Cluster{}}
		for other, b := range brokers {
			p.others[other] = b.Connect()
		}
		all[name] = p
	}
	return all
}

// cable carries connections until it is cut: for the other side that is as if the process
// had been killed.
type cable struct {
	mu    sync.Mutex
	conns []net.Conn
	down  bool
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		conn.Close()
		return nil, errors.New("the cable is cut")
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for _, conn := range c.conns {
		conn.Close()
	}
}

// over makes the site's connections anew, by a cable of their own.
func (p *place) over(all map[string]*place, c *cable) *place {
	out := &place{t: p.t, name: p.name, broker: p.broker, cluster: p.broker.Connect(c.dial), others: map[string]*cluster.Cluster{}, links: p.links}
	for name, other := range all {
		out.others[name] = other.broker.Connect(c.dial)
	}
	return out
}

// serve runs a replicator of the site until stop, or the end of the test.
func (p *place) serve(instance string) (s *Service, stop func()) {
	p.t.Helper()
	cfg := DefaultConfig()
	cfg.Site, cfg.Instance, cfg.Follow = p.name, instance, 200*time.Millisecond
	if p.follow > 0 {
		cfg.Follow = p.follow
	}
	if p.audit > 0 {
		cfg.Audit = p.audit
	}
	if p.memory > 0 {
		cfg.Memory = p.memory
	}
	log := p.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s, err := New(cfg, Deps{Cluster: p.cluster, Sources: p.others, Links: p.links, Logger: log, Meter: p.meter})
	if err != nil {
		p.t.Fatal(err)
	}
	if p.snapshots != nil {
		s.admitting.atOnce, s.admitting.core = p.snapshots.AtOnce, admission.New(*p.snapshots)
	}
	if p.linger > 0 {
		s.target.linger = p.linger
	}
	s.auditEvery = 100 * time.Millisecond
	if p.before != nil {
		p.before(s)
	}
	return s, sitetest.Run(p.t, p.name, s)
}

// create creates a topic.
func (p *place) create(topic string, partitions int32) {
	p.t.Helper()
	if err := p.cluster.Kafka().Create(p.t.Context(), events.TopicSpec{Name: topic, Partitions: partitions}); err != nil {
		p.t.Fatal(err)
	}
}

// write writes n records to a partition, whose values go on from first.
func (p *place) write(topic string, partition int32, first, n int, headers ...events.Header) {
	p.t.Helper()
	sitetest.Append(p.t, p.cluster, topic, partition, values(p.name, first+n)[first:], headers...)
}

// values names what write wrote.
func values(site string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", site, i)
	}
	return all
}

// has waits until a partition has exactly the records that are wanted: those of each site
// in their order, however they are mixed.
func (p *place) has(topic string, partition int32, want ...[]string) {
	p.t.Helper()
	total := 0
	for _, w := range want {
		total += len(w)
	}
	got := sitetest.Values(p.t, p.cluster, topic, partition, total)
	for _, w := range want {
		if len(w) == 0 {
			continue
		}
		site := w[0][:3]
		of := slices.DeleteFunc(slices.Clone(got), func(v string) bool { return v[:3] != site })
		if !slices.Equal(of, w) {
			p.t.Errorf("%s/%d at %s has of %s %q, want %q", topic, partition, p.name, site, of, w)
		}
	}
}

// holds fails if a partition has other than n records.
func (p *place) holds(topic string, partition int32, n int) {
	p.t.Helper()
	got := 0
	log := p.cluster.Partition(topic, partition)
	for next := int64(0); ; {
		page, err := log.Fetch(p.t.Context(), next, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		if got, next = got+len(page.Records), page.Next; page.Next >= page.End {
			break
		}
	}
	if got != n {
		p.t.Errorf("%s/%d at %s has %d records, want %d", topic, partition, p.name, got, n)
	}
}

// until waits until the status of a copy is as wanted.
func until(t *testing.T, s *Service, key string, what string, ok func(*standing) bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if st := look(s, key); st != nil && ok(st) {
			return
		}
		<-time.After(10 * time.Millisecond) // Nothing tells when.
	}
	t.Fatalf("%s: it is not so that %s: %+v", key, what, look(s, key))
}

func look(s *Service, key string) *standing {
	s.status.mu.Lock()
	defer s.status.mu.Unlock()
	for _, st := range s.status.copies {
		if st.key() == key {
			now := *st
			return &now
		}
	}
	return nil
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("it is not so that %s", what)
		}
		<-time.After(20 * time.Millisecond) // Nothing tells when.
	}
}

// count is how many records a partition holds.
func (p *place) count(topic string, partition int32) (n int) {
	log := p.cluster.Partition(topic, partition)
	start, _, err := p.cluster.Offsets(p.t.Context(), topic, partition)
	for err == nil {
		var page events.Page
		if page, err = log.Fetch(p.t.Context(), start, 0); err == nil {
			n, start = n+len(page.Records), page.Next
			if page.Next >= page.End {
				return n
			}
		}
	}
	return -1 // It is to come, or was deleted meanwhile.
}

// table reads a log of which the newest record of each key counts.
func (p *place) table(topic string) func() map[string]proto.Message {
	log, next, all := p.cluster.Partition(topic, 0), int64(0), map[string]proto.Message{}
	return func() map[string]proto.Message {
		for {
			page, err := log.Fetch(p.t.Context(), next, 0)
			if err != nil {
				p.t.Fatal(err)
			}
			for i := range page.Records {
				r := &page.Records[i]
				if r.Value == nil {
					delete(all, string(r.Key))
					continue
				}
				_, m, err := events.Decode(r)
				if err != nil {
					p.t.Fatal(err)
				}
				all[string(r.Key)] = m
			}
			if next = page.Next; next >= page.End {
				return all
			}
		}
	}
}

// shares waits until the share of a link is as wanted.
func shares(t *testing.T, s *Service, link, what string, ok func(*events.ReplicationLinkReported) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		s.status.mu.Lock()
		defer s.status.mu.Unlock()
		for i := range s.status.linked {
			if s.status.linked[i].Name == link {
				return ok(s.status.shareOf(&s.status.linked[i], time.Now()))
			}
		}
		return false
	})
}

// restart has the site's broker away while f runs.
func (p *place) restart(f func()) {
	p.t.Helper()
	p.broker.Stop()
	f()
	p.broker.Start()
}
