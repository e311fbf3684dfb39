package run

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/pkg/events"
)

// rightsOfDoctors: with all of its rights a doctor sees everything; without any one of them it
// does not see something, and says so. No right lets it change anything.
func (g *guarded) rightsOfDoctors(t *testing.T) {
	rights := g.granted(t, []events.Role{events.RoleDoctor})[events.RoleDoctor]
	g.decided(t)
	if f := g.unseen(t, time.Millisecond); len(f) > 0 {
		t.Fatalf("with all rights: %+v", f)
	}
	for _, r := range rights {
		if !slices.Contains([]string{"Read", "Describe", "DescribeConfigs"}, r.Operation) || r.Operation == "Read" && r.Topic == "" {
			t.Errorf("by %+v a doctor could change something", r)
		}
		began, listen := time.Now(), time.Millisecond
		if r.Topic == g.topics().Reports() || r.Topic == g.topics().Assignments() {
			listen = 10 * time.Second // It takes a while until it is told what it may not hear.
		}
		g.broker.Revoke("User:"+string(events.RoleDoctor), r)
		found := g.unseen(t, listen)
		g.broker.Grant("User:"+string(events.RoleDoctor), r)
		if len(found) == 0 {
			t.Errorf("a doctor sees everything without %+v: delete it from the catalogue", r)
			continue
		}
		t.Logf("doctor without %+v: %v: %s: %s", r, time.Since(began), found[0].Check, found[0].Text)
	}
	if f := g.unseen(t, time.Millisecond); len(f) > 0 {
		t.Errorf("with all rights again: %+v", f)
	}
}

// decided has logs hold something, so that a doctor reads those in which it stands what was
// decided.
func (g *guarded) decided(t *testing.T) {
	t.Helper()
	all, topics := g.operator(t), g.topics()
	for _, topic := range []string{
		topics.Requests(), topics.Events(), topics.NetworkRequests(), topics.NetworkChanges(),
		topics.NetworkInbox(), topics.NetworkStatus(), topics.ReplicationStatus(),
	} {
		if _, err := all.Partition(topic, 0).Append(t.Context(), []events.Record{{Key: []byte("k"), Value: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
}

// unseen is what a doctor finds that it may not see. It connects anew: brokers are asked about a
// topic that is hidden less and less often.
func (g *guarded) unseen(t *testing.T, listen time.Duration) []doctor.Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := (&programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca, log: slog.New(slog.DiscardHandler)}).open(string(events.RoleDoctor))
	defer c.Close()
	all := doctor.Examine(doctor.Gather(ctx, doctor.Config{Kafka: c.Kafka(), Prefix: events.DefaultPrefix, Listen: listen}))
	return slices.DeleteFunc(all, func(f doctor.Finding) bool { return f.Level != doctor.Unknown })
}

func (g *guarded) topics() events.Topics { return events.Topics{Prefix: events.DefaultPrefix} }
