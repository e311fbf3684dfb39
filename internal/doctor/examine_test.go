package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// sound are facts with which nothing is wrong: three brokers, and all that a scheduler has.
func sound() Facts {
	settings := map[string]string{
		"unclean.leader.election.enable": "false", "auto.create.topics.enable": "false",
		"group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000",
		"transactional.id.expiration.ms": "604800000", "producer.id.expiration.ms": "86400000",
		"offsets.retention.minutes": "10080", "offsets.topic.replication.factor": "3", "transaction.state.log.replication.factor": "3",
	}
	f := Facts{Prefix: "spanway.", Principal: "User:s", Role: events.RoleScheduler, Rights: kafka.Rights{Topics: map[string][]string{}}}
	for id := range int32(3) {
		f.Brokers = append(f.Brokers, Broker{Broker: kafka.Broker{ID: id, Version: "v4.3"}, Settings: settings})
	}
	for _, l := range (events.Topics{Prefix: f.Prefix}).Catalogue() {
		f.Topics = append(f.Topics, kafka.TopicState{Name: l.Topic, Replicas: 3, Settings: map[string]string{"min.insync.replicas": "2"}})
		f.Rights.Topics[l.Topic] = append([]string{"Describe"}, l.Rights(f.Role)...)
	}
	for _, right := range needs(f.Prefix, nil, f.Role) {
		f.Access = append(f.Access, Access{Right: right, Operations: []string{right.Operation, "Describe"}})
	}
	fence := events.ACL{Operation: "Write", Resource: events.TransactionalIDResource, Name: "spanway.mirror/", Prefixed: true}
	f.Access = append(f.Access, Access{Right: fence})
	f.Groups = []Group{{Name: "spanway.scheduler", Service: "scheduler", Members: 2, Lag: -1}, {Name: "spanway.allocator", Service: "allocator", Members: 1, Lag: 5}}
	f.Clocks = []Clock{{"engine a", -20 * time.Millisecond}, {"scheduler of partition 3", 20 * time.Millisecond}}
	f.Controller = &Clock{"broker 1", 20 * time.Millisecond}
	f.Redis = []store.Server{{Address: "r:1", AppendFsync: "always", Info: map[string]string{
		"role": "master", "rdb_last_bgsave_status": "ok",
		"redis_version": "7", "aof_enabled": "1", "aof_last_write_status": "ok", "maxmemory_policy": "noeviction", "maxmemory": "0",
	}}}
	f.Disk = &Disk{Path: "d", Free: 10 << 30, Total: 100 << 30}
	return f
}

func TestSoundFactsHaveNoFinding(t *testing.T) {
	for _, f := range Examine(sound()) {
		if f.Level != OK {
			t.Errorf("%+v", f)
		}
	}
}

// Each fault alone is found, under its check, with its level, and with what to do.
func TestFaultsAreFound(t *testing.T) {
	none := errors.New("not now")
	set := func(name, value string) func(*Facts) {
		return func(f *Facts) {
			for i, b := range f.Brokers {
				f.Brokers[i].Settings = map[string]string{}
				for k, v := range b.Settings {
					f.Brokers[i].Settings[k] = v
				}
				f.Brokers[i].Settings[name] = value
			}
		}
	}
	info := func(name, value string) func(*Facts) { return func(f *Facts) { f.Redis[0].Info[name] = value } }
	topic := func(change func(*kafka.TopicState)) func(*Facts) { return func(f *Facts) { change(&f.Topics[1]) } }
	for i, c := range []struct {
		fault func(*Facts)
		check string
		level Level
	}{
		{func(f *Facts) { f.Unreachable = none }, "kafka.reach", Problem},
		{func(f *Facts) { f.Brokers = f.Brokers[:2] }, "kafka.brokers", Warning},
		{silent, "kafka.reach", Problem},
		{silent, "kafka.settings", Unknown},
		{func(f *Facts) { f.Brokers[0].Version = "v2.7" }, "kafka.version", Problem},
		{func(f *Facts) { f.Brokers[0].Version = "v3.8" }, "kafka.version", Warning},
		{func(f *Facts) { f.Brokers[0].Version = "at least v4.4" }, "kafka.version", Note},
		{func(f *Facts) { f.Brokers[0].Version = "unknown custom version" }, "kafka.version", Unknown},
		{func(f *Facts) { f.Brokers[0].SettingsErr = none }, "kafka.settings", Unknown},
		{set("unclean.leader.election.enable", "true"), "kafka.settings", Warning},
		{set("auto.create.topics.enable", "true"), "kafka.settings", Warning},
		{set("group.min.session.timeout.ms", "10000"), "kafka.settings", Problem},
		{set("group.max.session.timeout.ms", "5000"), "kafka.settings", Problem},
		{set("transactional.id.expiration.ms", "3000"), "kafka.settings", Warning},
		{set("producer.id.expiration.ms", "3000"), "kafka.settings", Warning},
		{set("offsets.retention.minutes", "60"), "kafka.settings", Warning},
		{set("offsets.topic.replication.factor", "1"), "kafka.settings", Warning},
		{set("transaction.state.log.replication.factor", "1"), "kafka.settings", Warning},
		{func(f *Facts) { f.TopicsErr = none }, "topics", Unknown},
		{func(f *Facts) { f.Topics = nil }, "topics.there", Warning},
		{topic(func(s *kafka.TopicState) { s.Missing = true }), "topics.there", Note},
		{topic(func(s *kafka.TopicState) { s.Missing, s.Hidden = true, true }), "topics.there", Unknown},
		{topic(func(s *kafka.TopicState) {
			s.Wrong = &kafka.Misconfigured{Topic: "t", Problem: "is wrong", Remedy: "mend it"}
		}), "topics.settings", Problem},
		{topic(func(s *kafka.TopicState) { s.Leaderless = 1 }), "topics.leader", Problem},
		{topic(func(s *kafka.TopicState) { s.Fewer = 1 }), "topics.replicas", Warning},
		{topic(func(s *kafka.TopicState) { s.Replicas = 1 }), "topics.replicas", Warning},
		{topic(func(s *kafka.TopicState) { s.Settings["min.insync.replicas"] = "1" }), "topics.replicas", Warning},
		{topic(func(s *kafka.TopicState) { s.Settings["unclean.leader.election.enable"] = "true" }), "topics.settings", Warning},
		{topic(func(s *kafka.TopicState) { s.Denied, s.Settings = none, nil }), "topics.settings", Unknown},
		{func(f *Facts) { f.RightsErr = none }, "rights", Unknown},
		{func(f *Facts) {
			f.Rights.Topics["spanway.tasks.events"] = []string{"Read", "DescribeConfigs", "Delete"}
		}, "rights", Problem},
		{func(f *Facts) {
			f.Topics[1].Missing, f.Topics[1].Hidden = true, true
			delete(f.Rights.Topics, f.Topics[1].Name)
		}, "rights", Problem},
		{func(f *Facts) { f.Rights.Topics["spanway.ids.events"] = []string{"Write"} }, "rights", Warning},
		{func(f *Facts) { f.Role = "" }, "rights", Note},
		{func(f *Facts) { f.Access[0].Operations = []string{} }, "rights", Problem},
		{func(f *Facts) { f.Access[0].Err = none }, "rights", Unknown},
		{func(f *Facts) {
			f.Role = events.RoleReplicator
			for i := range f.Brokers {
				f.Brokers[i].Settings, f.Brokers[i].SettingsErr = nil, none
			}
		}, "rights", Unknown},
		{func(f *Facts) { f.Access[0].Operations = []string{"Read", "Describe", "Delete"} }, "rights", Warning},
		{func(f *Facts) { f.Access[1].Operations = []string{"Write"} }, "rights", Warning},
		{func(f *Facts) { f.Rights.Cluster = []string{"Alter"} }, "rights", Warning},
		{unrestrict, "rights", Warning},
		{func(f *Facts) { f.Groups[0].Err = none }, "groups.members", Unknown},
		{func(f *Facts) { f.Groups[0].Members = 0 }, "groups.members", Warning},
		{func(f *Facts) { f.Groups[1].Members = 0 }, "groups.lag", Problem},
		{func(f *Facts) { f.Groups[1] = Group{Name: "g", Service: keeper, Topic: "q", Lag: -1} }, "groups.members", Warning},
		{func(f *Facts) { f.Groups[1].Lag = 1e6 }, "groups.lag", Warning},
		{func(f *Facts) { f.Groups[0].Lag, f.Groups[0].LagErr = 0, none }, "groups.lag", Unknown},
		{func(f *Facts) { f.ClocksErr = none }, "clocks", Unknown},
		{func(f *Facts) { f.Clocks = nil }, "clocks", Note},
		{func(f *Facts) { f.Clocks[1].Ahead = time.Hour }, "clocks", Problem},
		{func(f *Facts) { f.Controller.Ahead = -2 * time.Second }, "clocks", Warning},
		{func(f *Facts) { f.Controller, f.ControllerErr = nil, &kafka.NoClock{Err: none} }, "clocks", Note},
		{func(f *Facts) { f.Controller, f.ControllerErr = nil, none }, "clocks", Unknown},
		{func(f *Facts) { f.Clocks[0].Ahead = 2 * time.Second }, "clocks", Warning},
		{func(f *Facts) { f.Clocks[0].Ahead = -time.Minute }, "clocks", Problem},
		{func(f *Facts) { f.RedisErr = none }, "redis.reach", Problem},
		{func(f *Facts) { f.Redis[0].Err = none }, "redis.settings", Unknown},
		{info("aof_enabled", "0"), "redis.persistence", Warning},
		{info("aof_last_write_status", "err"), "redis.persistence", Problem},
		{info("rdb_last_bgsave_status", "err"), "redis.persistence", Problem},
		{func(f *Facts) { f.Redis[0].AppendFsync = "everysec" }, "redis.persistence", Warning},
		{func(f *Facts) { f.Redis[0].AppendFsync, f.Redis[0].FsyncErr = "", none }, "redis.persistence", Unknown},
		{func(f *Facts) { f.Redis[0].AppendFsync = "" }, "redis.persistence", Unknown},
		{func(f *Facts) { f.Redis[0].ClockErr = none }, "redis.clock", Unknown},
		{info("role", "slave"), "redis.role", Problem},
		{info("loading", "1"), "redis.reach", Warning},
		{info("maxmemory_policy", "allkeys-lru"), "redis.eviction", Warning},
		{func(f *Facts) { f.Redis[0].Info["maxmemory"], f.Redis[0].Info["used_memory"] = "1000", "950" }, "redis.memory", Warning},
		{func(f *Facts) { delete(f.Redis[0].Info, "aof_enabled") }, "redis.persistence", Unknown},
		{func(f *Facts) { delete(f.Redis[0].Info, "maxmemory_policy") }, "redis.eviction", Unknown},
		{func(f *Facts) { f.Redis[0].Ahead = time.Minute }, "redis.clock", Problem},
		{func(f *Facts) { f.Disk.Err = none }, "disk", Unknown},
		{func(f *Facts) { f.Disk.Free = 500 << 20 }, "disk", Warning},
		{func(f *Facts) { f.Disk.Free = 1 << 20 }, "disk", Problem},
	} {
		facts := sound()
		c.fault(&facts)
		found := Examine(facts)
		n := slices.IndexFunc(found, func(f Finding) bool { return f.Check == c.check && f.Level == c.level })
		if n < 0 {
			t.Errorf("case %d: nothing of %s is %v in %+v", i, c.check, c.level, found)
			continue
		}
		if f := found[n]; f.Text == "" || len(f.Subjects) == 0 || f.Level >= Warning && f.Remedy == "" {
			t.Errorf("case %d: %+v does not say what is so, or what to do", i, f)
		}
		if !slices.IsSortedFunc(found, func(a, b Finding) int { return int(b.Level) - int(a.Level) }) {
			t.Errorf("case %d: the worst is not the first: %+v", i, found)
		}
	}
}

// Whoever lacks a right on what is no topic is told how it is given.
func TestGrants(t *testing.T) {
	facts := sound()
	facts.Role, facts.Queues = events.RoleReplicator, []string{"q"}
	facts.Access = nil
	for i := range facts.Brokers {
		facts.Brokers[i].Settings, facts.Brokers[i].SettingsErr = nil, &kafka.Denied{}
	}
	for _, role := range []events.Role{events.RoleReplicator, events.RoleQueueHost} {
		for _, right := range needs(facts.Prefix, facts.Queues, role) {
			facts.Access = append(facts.Access, Access{Right: right})
		}
	}
	add := "kafka-acls --add --allow-principal 'User:s' --operation "
	want := map[string]string{
		"as replicator it lacks Read on group spanway.replicators":                         add + "Read --group 'spanway.replicators'",
		"as replicator it lacks Read on group spanway.snapshots.spanway.replication.links": add + "Read --group 'spanway.snapshots.spanway.replication.links'",
		"as replicator it lacks Write on transactional IDs spanway.mirror/*":               add + "Write --transactional-id 'spanway.mirror/' --resource-pattern-type prefixed",
		"as replicator it lacks DescribeConfigs on the cluster":                            add + "DescribeConfigs --cluster",
		"as queue-host it lacks Read on group spanway.snapshots.spanway.queue.q":           add + "Read --group 'spanway.snapshots.spanway.queue.q'",
	}
	got := map[string]string{}
	for _, role := range []events.Role{events.RoleReplicator, events.RoleQueueHost} {
		facts.Role = role
		for _, f := range Examine(facts) {
			if f.Check == "rights" && f.Level == Problem && !strings.Contains(f.Text, " on topic ") {
				got[f.Text] = f.Remedy
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// silent are the facts of a broker that does not answer.
func silent(f *Facts) { f.Brokers[0] = Broker{Broker: kafka.Broker{ID: 0, Err: errors.New("not now")}} }

func unrestrict(f *Facts) {
	f.Rights.Cluster = []string{"ClusterAction"}
	for topic := range f.Rights.Topics {
		f.Rights.Topics[topic] = append([]string{"Read"}, dangerous...)
	}
}

// What is the same of many things is said once.
func TestFindingsAreJoined(t *testing.T) {
	facts := sound()
	var names []string
	for i := range facts.Topics {
		facts.Topics[i].Replicas = 1
		names = append(names, facts.Topics[i].Name)
	}
	found := Examine(facts)
	if found[0].Check != "topics.replicas" || Worst(found) != Warning {
		t.Fatalf("%+v", found[0])
	}
	if diff := cmp.Diff(names, found[0].Subjects); diff != "" {
		t.Error(diff)
	}
}

// Without a role the roles are told for which the rights suffice.
func TestRolesOfAPrincipal(t *testing.T) {
	facts := sound()
	facts.Role = ""
	want := fmt.Sprintf("its rights suffice for: %s; --role says what another one lacks", "scheduler, producer, client")
	for _, f := range Examine(facts) {
		if f.Check == "rights" && f.Text != want {
			t.Errorf("%q; want %q", f.Text, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]version{"v4.3": {4, 3}, "at least v3.9": {3, 9}, "v0.10.2": {0, 10}, "v3.9.2": {3, 9}} {
		if v, ok := parseVersion(text); !ok || v != want {
			t.Errorf("%q is %v, %v", text, v, ok)
		}
	}
	for _, text := range []string{"", "between v1.0 and v1.1", "unknown custom version at least v", "4.3"} {
		if v, ok := parseVersion(text); ok {
			t.Errorf("%q is %v", text, v)
		}
	}
}

// Whoever reads that a version is not known is told what to do.
func TestAnUnknownVersionHasARemedy(t *testing.T) {
	facts := sound()
	facts.Brokers[0].Version = "between v1.0 and v1.1"
	for _, f := range Examine(facts) {
		if f.Check == "kafka.version" && f.Level == Unknown && strings.Contains(f.Remedy, "embedded broker") {
			return
		}
	}
	t.Error("nothing says that it may be an embedded broker, and what to do if not")
}

// A broker that does not answer is none of another version.
func TestASilentBrokerHasNoVersion(t *testing.T) {
	facts := sound()
	silent(&facts)
	for _, f := range Examine(facts) {
		if f.Check == "kafka.version" && f.Level != OK {
			t.Errorf("%+v", f)
		}
	}
}

// Of topics that are hidden it is not said that there are none.
func TestHiddenTopicsAreNotSaidToBeMissing(t *testing.T) {
	facts := sound()
	for i := range facts.Topics {
		facts.Topics[i].Missing, facts.Topics[i].Hidden = true, true
	}
	hidden := false
	for _, f := range Examine(facts) {
		if f.Check != "topics.there" {
			continue
		}
		hidden = hidden || f.Level == Unknown && strings.Contains(f.Remedy, "Describe")
		if f.Level != Unknown {
			t.Errorf("%+v, of topics that are hidden", f)
		}
	}
	if !hidden {
		t.Error("it is not said that topics are hidden, and what to do")
	}
}

// A broker that speaks TLS where plain text is spoken, or the other way round, runs and has the
// right address: the remedy is that of the refusal.
func TestARefusalHasItsOwnRemedy(t *testing.T) {
	refusal := fmt.Errorf("connect: %w", &kafka.Rejected{Broker: "b:9092", Problem: "the broker speaks TLS here, not plain text", Remedy: "turn TLS on"})
	for name, fault := range map[string]func(*Facts){
		"none answers": func(f *Facts) { f.Unreachable = refusal },
		"one does not": func(f *Facts) { f.Brokers[0] = Broker{Broker: kafka.Broker{Err: refusal}} },
	} {
		facts := sound()
		fault(&facts)
		if f := Examine(facts)[0]; f.Check != "kafka.reach" || f.Remedy != "turn TLS on" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// What is to be done when a disk is full is said, of an embedded broker and of any other.
func TestAFullDiskHasARemedy(t *testing.T) {
	for check, fault := range map[string]func(*Facts){
		"disk":          func(f *Facts) { f.Disk.Free = 0 },
		"topics.leader": func(f *Facts) { f.Topics[0].Leaderless = 1 },
	} {
		facts := sound()
		fault(&facts)
		if f := Examine(facts)[0]; f.Check != check || !strings.Contains(f.Remedy, "make room") || !strings.Contains(f.Remedy, "never by deleting files of partitions") {
			t.Errorf("%s: %+v", check, f)
		}
	}
}

// A manager is started with its role.
func TestAManagerIsStartedWithItsRole(t *testing.T) {
	facts := sound()
	facts.Groups = []Group{{Name: "spanway.local-manager", Service: "manager --role local", Topic: "spanway.network.status", Lag: -1}}
	if f := Examine(facts)[0]; f.Remedy != "start one (spanway serve manager --role local)" || f.Text != "no manager is in it, and spanway.network.status exists" {
		t.Errorf("%+v", f)
	}
}
