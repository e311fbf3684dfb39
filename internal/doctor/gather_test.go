package doctor_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, config cluster.Config) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// levels are those of a check.
func levels(found []doctor.Finding, check string) (out []doctor.Level) {
	for _, f := range found {
		if f.Check == check {
			out = append(out, f.Level)
		}
	}
	return out
}

// A whole system, with everything that can be looked at.
func TestASystemIsExamined(t *testing.T) {
	log, err := telemetry.Logger(&bytes.Buffer{}, "text", "error")
	if err != nil {
		t.Fatal(err)
	}
	s, err := run.Start(t.Context(), run.Config{Engines: 1, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := open(t, cluster.Config{Brokers: s.Brokers()})
	facts := doctor.Gather(t.Context(), doctor.Config{
		Kafka: c.Kafka(), Prefix: events.DefaultPrefix, Listen: time.Minute, Data: t.TempDir(),
		Redis: &store.Config{Addrs: []string{s.Sites()[0].Redis}},
	})
	found := doctor.Examine(facts)
	for check, want := range map[string][]doctor.Level{
		"kafka.brokers": {doctor.Warning}, "kafka.settings": {doctor.OK}, "topics.there": nil, "topics.settings": nil,
		"topics.replicas": {doctor.Warning, doctor.Warning}, "rights": {doctor.Warning}, "groups.members": {doctor.OK, doctor.OK},
		"groups.lag": {doctor.OK, doctor.OK}, "clocks": {doctor.Note, doctor.OK}, "redis.clock": {doctor.OK}, "disk": {doctor.OK},
	} {
		if got := levels(found, check); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", check, got, want)
		}
	}
	for _, kind := range []string{"engine ", "scheduler of partition "} {
		if !slices.ContainsFunc(facts.Clocks, func(c doctor.Clock) bool { return strings.HasPrefix(c.Name, kind) }) {
			t.Errorf("no clock of an %s in %v", kind, facts.Clocks)
		}
	}
	if doctor.Worst(found) >= doctor.Problem {
		t.Errorf("%+v", found)
	}
}

// What a principal may do is asked of the brokers, and what it may not see is not called good.
func TestRightsAreExamined(t *testing.T) {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	may := func(op kmsg.ACLOperation, topic string) embedded.Right {
		return embedded.Right{Operation: op, Resource: kmsg.ACLResourceTypeTopic, Name: topic}
	}
	const mechanism = "SCRAM-SHA-512"
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{
		{Mechanism: mechanism, Name: "root", Password: "p", Super: true},
		{Mechanism: mechanism, Name: "engine", Password: "p", Rights: []embedded.Right{
			may(kmsg.ACLOperationWrite, topics.Reports()), may(kmsg.ACLOperationRead, topics.Assignments()), may(kmsg.ACLOperationWrite, topics.Events()),
		}},
		{Mechanism: mechanism, Name: "scheduler", Password: "p", Rights: []embedded.Right{
			{Operation: kmsg.ACLOperationRead, Resource: kmsg.ACLResourceTypeGroup, Name: topics.AllocatorGroup()},
			{Operation: kmsg.ACLOperationWrite, Resource: kmsg.ACLResourceTypeTransactionalId, Name: topics.Fences() + "doctor"},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	as := func(name string) *cluster.Cluster {
		return open(t, cluster.Config{Brokers: b.Addrs(), SASL: cluster.SASL{Mechanism: mechanism, Username: name, PasswordFile: password}})
	}
	if _, err := as("root").Ensure(t.Context(), events.Specs(topics.Catalogue())); err != nil {
		t.Fatal(err)
	}
	examine := func(role events.Role) []doctor.Finding {
		return doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: as("engine").Kafka(), Prefix: events.DefaultPrefix, Role: role}))
	}
	asEngine := examine(events.RoleEngine)
	if got := levels(asEngine, "rights"); !slices.Equal(got, []doctor.Level{doctor.Warning, doctor.OK}) {
		t.Errorf("as an engine that may write to the log of tasks: %v in %+v", got, asEngine)
	}
	asScheduler := examine(events.RoleScheduler)
	if got := levels(asScheduler, "rights"); !slices.Contains(got, doctor.Problem) {
		t.Errorf("as a scheduler: %v in %+v", got, asScheduler)
	}
	var texts []string
	for _, f := range doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: as("scheduler").Kafka(), Prefix: events.DefaultPrefix, Role: events.RoleScheduler})) {
		if f.Check == "rights" {
			texts = append(texts, f.Level.String()+": "+f.Text)
		}
	}
	for _, want := range []string{
		"problem: as scheduler it lacks Read on group spanway.scheduler",
		"warning: it has Read on group spanway.allocator, which scheduler does not need",
		"warning: it has Write on transactional IDs spanway.mirror/*, which scheduler does not need",
	} {
		if !slices.Contains(texts, want) {
			t.Errorf("not said: %q, but %q", want, texts)
		}
	}
	for _, check := range []string{"kafka.settings", "topics.there", "topics.settings", "groups.members"} {
		if got := levels(asEngine, check); !slices.Contains(got, doctor.Unknown) {
			t.Errorf("%s: %v, though that may not be seen", check, got)
		}
	}
}

// What is wrong with topics is found without changing them.
func TestTopicsAreExamined(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := open(t, cluster.Config{Brokers: b.Addrs()})
	topics := events.Topics{Prefix: events.DefaultPrefix}
	wrong := []events.TopicSpec{
		{Name: topics.Events(), Partitions: 3},
		{Name: topics.Reports(), Partitions: events.PoolPartitions, Config: map[string]string{"cleanup.policy": "compact"}},
		{Name: topics.Queue("q") + ".snapshots", Partitions: 1}, {Name: topics.Queue("q"), Partitions: 2},
	}
	if _, err := c.Ensure(t.Context(), wrong); err != nil {
		t.Fatal(err)
	}
	before, err := c.Kafka().Topics(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	found := doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: c.Kafka(), Prefix: events.DefaultPrefix}))
	named := map[string]bool{}
	for _, f := range found {
		if f.Check == "topics.settings" && f.Level == doctor.Problem {
			for _, s := range f.Subjects {
				named[s] = true
			}
		}
	}
	for _, w := range []string{topics.Events(), topics.Reports(), topics.Queue("q")} {
		if !named[w] {
			t.Errorf("%s is not found wrong: %+v", w, found)
		}
	}
	if after, err := c.Kafka().Topics(t.Context(), ""); err != nil || !slices.Equal(before, after) {
		t.Errorf("the topics were %v and are %v, %v", before, after, err)
	}
	if got := levels(found, "groups.members"); !slices.Contains(got, doctor.Warning) {
		t.Errorf("no scheduler runs, and that is %v", got)
	}
}

// Without brokers there is one finding of them, and it is the first.
func TestUnreachableBrokers(t *testing.T) {
	c := open(t, cluster.Config{Brokers: []string{"127.0.0.1:1"}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	facts := doctor.Gather(ctx, doctor.Config{Kafka: c.Kafka(), Prefix: events.DefaultPrefix, Redis: &store.Config{Addrs: []string{"127.0.0.1:1"}}})
	found := doctor.Examine(facts)
	if len(found) != 2 || found[0].Check != "kafka.reach" || found[1].Check != "redis.reach" || facts.Unreachable == nil {
		t.Errorf("%+v", found)
	}
}
