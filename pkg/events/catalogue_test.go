package events

import (
	"slices"
	"testing"
)

// What refers to a log in the catalogue refers to one that is in it, and what must
// have the same number of partitions has.
func TestCatalogueHoldsTogether(t *testing.T) {
	topics := Topics{Prefix: "test."}
	byTopic := map[string]Log{}
	for _, l := range slices.Concat(topics.Catalogue(), topics.QueueLogs("orders"), topics.NetworkLogs()) {
		if _, twice := byTopic[l.Topic]; twice {
			t.Errorf("%s is there twice", l.Topic)
		}
		byTopic[l.Topic] = l
	}
	for _, l := range byTopic {
		if l.Partitions < 1 || l.Kind.String() == "?" || len(l.Writers) == 0 || (l.Key == "") != (l.Partitions == 1) {
			t.Errorf("incomplete: %+v", l)
		}
		if (l.Kept == KeptForTime) != (l.For > 0) || l.Kept == 0 {
			t.Errorf("%s: kept %d for %v", l.Topic, l.Kept, l.For)
		}
		if l.Judged() {
			if s := byTopic[Snapshots(l.Topic)]; s.Of != l.Topic || s.Kind != SnapshotLog || s.Partitions != l.Partitions {
				t.Errorf("the snapshots of %s are %+v", l.Topic, s)
			}
		}
		for _, in := range l.Inputs {
			foreign := slices.ContainsFunc(l.Writers, func(r Role) bool { return slices.Contains(byTopic[in].ForeignTo, r) })
			if byTopic[in].Partitions != l.Partitions && !foreign {
				t.Errorf("%s has %d partitions, its input %s %d", l.Topic, l.Partitions, in, byTopic[in].Partitions)
			}
		}
		for _, out := range l.Outputs {
			if _, known := byTopic[out]; !known {
				t.Errorf("%s publishes to %s, which is not in the catalogue", l.Topic, out)
			}
		}
		for _, role := range slices.Concat(l.Writers, l.Readers, l.Makers) {
			if !slices.Contains(Roles(), role) {
				t.Errorf("%s names the role %q, which Roles does not list", l.Topic, role)
			}
		}
	}
}

func TestLogByName(t *testing.T) {
	topics := Topics{Prefix: "test."}
	for _, name := range []string{"test.tasks.events", "tasks.events"} {
		if l, ok := topics.Log(name); !ok || l.Topic != "test.tasks.events" || l.Name("test.") != "tasks.events" {
			t.Errorf("%s: %+v, %v", name, l, ok)
		}
	}
	for topic, want := range map[string]LogKind{"queue.orders": SharedLog, "test.queue.orders": SharedLog, "queue.orders.snapshots": SnapshotLog} {
		if l, ok := topics.Log(topic); !ok || l.Kind != want {
			t.Errorf("%s: %+v, %v", topic, l, ok)
		}
	}
	if l, ok := topics.Log("absent"); ok {
		t.Errorf("found %+v", l)
	}
	if !Catalogued("other-prefix.tasks.events") || Catalogued("counter.events") {
		t.Error("Catalogued goes by more or less than the name")
	}
}

// Topics that were created by an earlier release must go on to suffice.
func TestSpecs(t *testing.T) {
	want := map[string]string{
		"tasks.requests": "-1", "tasks.events": "-1", "tasks.events.snapshots": "-1", "engines.reports": "-1",
		"ids.requests": "-1", "ids.events": "-1", "ids.events.snapshots": "-1",
		"tasks.assignments": "86400000", "deadletter": "1209600000",
	}
	specs := Specs(Topics{Prefix: ""}.Catalogue())
	if len(specs) != len(want) {
		t.Errorf("%d topics, want %d", len(specs), len(want))
	}
	for _, s := range specs {
		if got := s.Config["retention.ms"]; got != want[s.Name] || s.Config["cleanup.policy"] != "delete" || len(s.Config) != 7 {
			t.Errorf("%s: %v", s.Name, s.Config)
		}
	}
	for _, l := range (Topics{Prefix: ""}).ReplicationLogs() {
		s := l.Spec()
		compacts := s.Config["cleanup.policy"] == "compact" && s.Config["segment.bytes"] == "16777216" && s.Config["segment.ms"] == "3600000"
		if table := l.Kind == TableLog; compacts != table || !table && len(s.Config) != 7 {
			t.Errorf("%s: %v", s.Name, s.Config)
		}
	}
}
