package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// What schedulers and replicators have not done is told from what they have written, whether
// one runs or not; and so are the rights on topics that links copy.
func TestWhatIsBehindIsExamined(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := open(t, cluster.Config{Brokers: b.Addrs()})
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := c.Ensure(t.Context(), events.Specs(slices.Concat(topics.Catalogue(), topics.ReplicationLogs(), topics.NetworkLogs()))); err != nil {
		t.Fatal(err)
	}
	write := func(topic string, partition int32, records ...events.Record) {
		t.Helper()
		if _, err := c.Partition(topic, partition).Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	some := func(n int) []events.Record {
		return slices.Repeat([]events.Record{{Value: []byte("x")}}, n)
	}
	decided := func(positions string) events.Record {
		return events.Record{Value: []byte("x"), Headers: []events.Header{{Key: events.HeaderInputs, Value: []byte(positions)}}}
	}
	write(topics.Requests(), 0, some(5)...)
	write(topics.Requests(), 7, some(2)...) // Of these none is decided.
	// The last batch is of an owner that was behind, and is longer than what is read first.
	write(topics.Events(), 0, decided(topics.Reports()+"/0@9,"+topics.Requests()+"/0@4"))
	write(topics.Events(), 0, append([]events.Record{decided(topics.Requests() + "/0@1")}, some(40)...)...)
	write(topics.Events(), 7, some(1)...)

	write(topics.NetworkRequests(), 0, some(4)...)
	write(topics.NetworkChanges(), 0, decided(topics.NetworkRequests()+"/0@2"))
	write(topics.NetworkInbox(), 0, some(6)...)
	write(topics.NetworkStatus(), 0, decided(topics.NetworkInbox()+"/0@5"))

	report := func(key string, m *events.ReplicationCopyReported) events.Record {
		t.Helper()
		r, err := events.Encoder{Source: "/test"}.Encode("id", m)
		if err != nil {
			t.Fatal(err)
		}
		r.Key = []byte(key)
		return r
	}
	copied := &events.ReplicationCopyReported{Link: "l", Topic: "orders", TargetTopic: "ams.orders", State: "delta", Next: 5, SourceEnd: 20}
	newer := &events.ReplicationCopyReported{Link: "l", Topic: "orders", TargetTopic: "ams.orders", State: "delta", Next: 17, SourceEnd: 20}
	write(topics.ReplicationStatus(), 0, report("l/orders/0", copied), report("l/orders/0", newer), events.Record{Key: []byte("l/gone/0")})

	facts := doctor.Gather(t.Context(), doctor.Config{Kafka: c.Kafka(), Prefix: events.DefaultPrefix, Role: events.RoleReplicator})
	lags := map[string]int64{}
	for _, g := range facts.Groups {
		if g.LagErr != nil {
			t.Errorf("of the %s: %v", g.Service, g.LagErr)
		}
		lags[g.Service] = g.Lag
	}
	if lags["scheduler"] != 3 || lags["replicator"] != 3 || lags["manager --role global"] != 2 || lags["manager --role local"] != 1 {
		t.Errorf("behind are %v, want scheduler and replicator by 3, the global manager by 2 and the local one by 1", lags)
	}
	if !slices.Equal(facts.Copies, []string{"ams.orders"}) {
		t.Errorf("copies are %q", facts.Copies)
	}
	if got := levels(doctor.Examine(facts), "groups.lag"); !slices.Contains(got, doctor.Problem) {
		t.Errorf("records wait and nobody reads them, and the levels are %v", got)
	}
	facts.Rights = kafka.Rights{Topics: map[string][]string{"ams.orders": {"Read", "Create", "Alter", "AlterConfigs", "Delete"}}}
	if !slices.ContainsFunc(doctor.Examine(facts), func(f doctor.Finding) bool {
		return f.Check == "rights" && f.Level == doctor.Problem && strings.HasSuffix(f.Text, "it lacks Write on topic ams.orders")
	}) {
		t.Errorf("that the copy must not be written is not said: %+v", doctor.Examine(facts))
	}
}
