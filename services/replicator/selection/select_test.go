package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// world is an input that tests change: a site fra, and sources ams and lis.
func world(change func(*Input)) Input {
	in := Input{
		Site:    Site{Name: "fra", Cluster: "FRA", Prefix: "spanway."},
		Sources: map[string]Source{"ams": {Cluster: "AMS"}, "lis": {Cluster: "LIS"}},
	}
	change(&in)
	return in
}

// topics are at ams and, if made is set, at the site as well.
func (in *Input) topics(made bool, topics ...Topic) {
	s := in.Sources["ams"]
	s.Topics = append(s.Topics, topics...)
	in.Sources["ams"] = s
	if made {
		in.Target = append(in.Target, topics...)
	}
}

func topic(name string, partitions int32, settings ...string) Topic {
	t := Topic{Name: name, Partitions: partitions, Settings: map[string]string{}}
	for _, s := range settings {
		k, v, _ := strings.Cut(s, "=")
		t.Settings[k] = v
	}
	return t
}

// told is a selection in short.
func told(s *Selection) (lines []string) {
	for _, c := range s.Copies {
		line := c.Link + ": " + c.ID
		if c.Paused {
			line += " paused"
		}
		if r := c.Config.Routed; r != nil {
			line += fmt.Sprintf(" routed by %s to %s of %v", r.Header, r.Site, r.Allowed)
		}
		if b := c.Config.Begin; b.Generation > 0 {
			line += fmt.Sprintf(" generation %d from %d", b.Generation, b.From)
		}
		if c.Config.Tolerated > 0 {
			line += fmt.Sprintf(" tolerates below %d", c.Config.Tolerated)
		}
		lines = append(lines, line)
	}
	for _, c := range s.Changes {
		what := "change"
		if c.Create {
			what = "create"
		}
		line := fmt.Sprintf("%s %s to %d for %s", what, c.Topic, c.Partitions, strings.Join(c.Links, ","))
		for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
			if !c.Create {
				line += " " + name + "=" + c.Settings[name]
			}
		}
		lines = append(lines, line)
	}
	for _, p := range s.Problems {
		line := fmt.Sprintf("%s %s %s", p.Code, p.Link, p.Topic)
		if p.Stops {
			line += " stops"
		}
		lines = append(lines, strings.TrimSpace(strings.ReplaceAll(line, "  ", " ")))
	}
	return lines
}

func TestSelect(t *testing.T) {
	all := links.Link{Spec: links.Spec{Name: "all", Source: "ams", Model: links.Topic, Include: []string{".*"}}, Since: 1}
	for name, c := range map[string]struct {
		in   Input
		want []string
	}{
		"a pattern matches the whole name, and what is excluded is not copied": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 2), topic("orders.dead", 1), topic("my-orders", 1), topic("orders.tmp", 1))
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{"orders|orders\\..*"}, Exclude: []string{".*\\.tmp"}}}}
			}),
			[]string{"a: AMS/orders.dead/0/orders.dead", "a: AMS/orders/0/orders", "a: AMS/orders/1/orders"},
		},
		"a topic is created before it is copied": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 2))
				in.Links = []links.Link{all}
			}),
			[]string{"create orders to 2 for all"},
		},
		"a topic is grown before its new partitions are copied": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 3))
				in.Target = []Topic{topic("orders", 1)}
				in.Links = []links.Link{all}
			}),
			[]string{"all: AMS/orders/0/orders", "change orders to 3 for all"},
		},
		"a target with more partitions is told": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1))
				in.Target = []Topic{topic("orders", 2)}
				in.Links = []links.Link{all}
			}),
			[]string{"all: AMS/orders/0/orders", "more_partitions all orders"},
		},
		"internal topics and those of replicators are not copied, and are a problem only by name": {
			world(func(in *Input) {
				hidden := topic("secret", 1)
				hidden.Internal = true
				in.topics(true, topic("__consumer_offsets", 50), hidden, topic("x.replication.links", 1), topic("replication.status", 1),
					topic("spanway.replication.checkpoints", 32), topic("my-replication.links", 1), topic("spanway.tasks.events", 16))
				in.Links = []links.Link{all, {Spec: links.Spec{Name: "named", Source: "ams", Include: []string{"__consumer_offsets", "x\\.replication\\.links", "spanway.tasks.events"}}, Since: 2}}
			}),
			[]string{
				"all: AMS/my-replication.links/0/my-replication.links",
				"internal_topic named __consumer_offsets stops", "own_log named spanway.tasks.events stops", "internal_topic named x.replication.links stops",
			},
		},
		"a prefix that makes the name of a log of the site's own": {
			world(func(in *Input) {
				in.topics(false, topic("checkpoints", 1), topic("links", 1), topic("status", 1), topic("applications", 1), topic("other", 1))
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Prefix: "spanway.replication.", Include: []string{"checkpoints", "links", "status|applications|other"}}}}
			}),
			[]string{
				"create spanway.replication.other to 1 for a", "own_log a checkpoints stops", "own_log a links stops",
			},
		},
		"a prefix names the target": {
			world(func(in *Input) {
				in.topics(false, topic("spanway.tasks.events", 1))
				in.Target = []Topic{topic("ams.spanway.tasks.events", 1)}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Prefix: "ams.", Include: []string{".*"}}}}
			}),
			[]string{"a: AMS/spanway.tasks.events/0/ams.spanway.tasks.events"},
		},
		"a name that Kafka does not allow": {
			world(func(in *Input) {
				in.topics(false, topic(strings.Repeat("x", 249), 1))
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Prefix: "y", Include: []string{".*"}}}}
			}),
			[]string{"bad_name a " + strings.Repeat("x", 249) + " stops"},
		},
		"groups bound to the site": {
			world(func(in *Input) {
				in.topics(true, topic("a", 1), topic("b", 1), topic("c", 1))
				in.Groups = []links.Group{{Name: "here", Topics: []string{"a", "later"}, Sites: []string{"fra", "lis"}}, {Name: "there", Topics: []string{"b"}, Sites: []string{"lis"}}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "g", Source: "ams", Model: links.Grouped, Groups: []string{"here", "there", "nowhere"}, Include: []string{".*"}}}}
			}),
			[]string{"g: AMS/a/0/a", "unknown_group g stops"},
		},
		"routed records": {
			world(func(in *Input) {
				in.topics(true, topic("a", 1))
				in.Links = []links.Link{{Spec: links.Spec{Name: "r", Source: "ams", Model: links.Routed, Include: []string{"a"}, Routing: links.Routing{Header: "to", Allowed: []string{"fra"}}}}}
			}),
			[]string{"r: AMS/a/0/a routed by to to fra of [fra]"},
		},
		"applications that the link takes, for the site": {
			world(func(in *Input) {
				in.topics(true, topic("a", 1), topic("b", 1), topic("c", 1), topic("d", 1), topic("e.tmp", 1))
				s := in.Sources["ams"]
				s.Applications = []Application{
					{Name: "shop-2", Topics: []string{"b"}, Sites: []string{"fra"}, Routed: true, Header: "to"},
					{Name: "shop-1", Topics: []string{"a", "e.tmp"}},
					{Name: "shop-3", Topics: []string{"c"}, Sites: []string{"lis"}},
					{Name: "other", Topics: []string{"d"}},
				}
				in.Sources["ams"] = s
				in.Links = []links.Link{{Spec: links.Spec{Name: "apps", Source: "ams", Applications: []string{"shop-.*"}, Exclude: []string{".*\\.tmp"}, Routing: links.Routing{Header: "not-this", Allowed: []string{"fra", "lis"}}}}}
			}),
			[]string{"apps: AMS/a/0/a", "apps: AMS/b/0/b routed by to to fra of [fra lis]"},
		},
		"two links into one target": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("orders", 1)}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "lis", Include: []string{".*"}}, Since: 7}, all}
			}),
			[]string{"all: AMS/orders/0/orders", "two_links a orders stops"},
		},
		"one source under two names, though shared": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				in.Sources["lis"] = Source{Cluster: "AMS", Topics: []Topic{topic("orders", 1)}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "lis", Include: []string{".*"}, Shared: true}}, {Spec: links.Spec{Name: "b", Source: "ams", Include: []string{".*"}, Shared: true}}}
			}),
			[]string{"a: AMS/orders/0/orders", "two_links b orders stops"},
		},
		"two shared links into one target": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("orders", 2)}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "lis", Include: []string{".*"}, Shared: true}}, {Spec: links.Spec{Name: "b", Source: "ams", Include: []string{".*"}, Shared: true}}}
			}),
			[]string{"b: AMS/orders/0/orders", "a: LIS/orders/0/orders", "change orders to 2 for a,b"},
		},
		"one of them is not shared": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("orders", 1)}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "lis", Include: []string{".*"}, Shared: true}}, {Spec: links.Spec{Name: "b", Source: "ams", Include: []string{".*"}}}}
			}),
			[]string{"a: LIS/orders/0/orders", "two_links b orders stops"},
		},
		"the site's own cluster, under another name": {
			world(func(in *Input) {
				in.Sources["backup"] = Source{Cluster: "FRA", Topics: []Topic{topic("orders", 1)}}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "backup", Include: []string{".*"}, Prefix: "x."}}}
			}),
			[]string{"same_cluster a stops"},
		},
		"a source that is not known, one that was never reached, one that is away, and one that refuses": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				s := in.Sources["ams"]
				s.Trouble = "no broker answers"
				in.Sources["ams"] = s
				in.Sources["new"] = Source{Trouble: "nobody listens"}
				in.Sources["strict"] = Source{Trouble: "wrong password", Rejected: true}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "oslo", Include: []string{".*"}}}, {Spec: links.Spec{Name: "b", Source: "new", Include: []string{".*"}}}, {Spec: links.Spec{Name: "d", Source: "strict", Include: []string{".*"}}}, {Spec: links.Spec{Name: "c", Source: "ams", Include: []string{".*"}}}}
			}),
			[]string{"c: AMS/orders/0/orders", "unknown_source a stops", "source_unreachable b", "source_unreachable c", "source_rejected d"},
		},
		"a pattern that is none": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 1))
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{"(", "orders"}}}}
			}),
			[]string{"a: AMS/orders/0/orders", "bad_pattern a stops"},
		},
		"a paused link holds its topics, and changes none": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 2), topic("new", 1))
				in.Target = []Topic{topic("orders", 1)}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}}, Paused: true}}
			}),
			[]string{"a: AMS/orders/0/orders paused"},
		},
		"what an operator has said of one partition": {
			world(func(in *Input) {
				in.topics(true, topic("orders", 2))
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}}, Resumed: []links.Resumption{
					{Topic: "orders", Partition: 1, Generation: 4, From: 17}, {Topic: "orders", Partition: -1, Generation: 3, Tolerate: 9}, {Topic: "other", Partition: -1, Generation: 8},
				}}}
			}),
			[]string{"a: AMS/orders/0/orders generation 3 from 0 tolerates below 9", "a: AMS/orders/1/orders generation 4 from 17 tolerates below 9"},
		},
		"a topic whose settings are not known yet waits": {
			world(func(in *Input) {
				in.topics(false, Topic{Name: "a", Partitions: 1}, topic("b", 1))
				in.Target = []Topic{{Name: "b", Partitions: 1}}
				in.Links = []links.Link{all}
			}),
			nil,
		},
		"a target that replaces times": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1))
				in.Target = []Topic{topic("orders", 1, "message.timestamp.type=LogAppendTime")}
				in.Links = []links.Link{all}
			}),
			[]string{"log_append_time all orders stops"},
		},
		"settings follow the source": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1, "cleanup.policy=compact", "max.message.bytes=1000", "retention.ms=5", "min.insync.replicas=2", "segment.ms=7"))
				in.Target = []Topic{topic("orders", 1, "cleanup.policy=delete", "max.message.bytes=1000", "retention.ms=9", "min.insync.replicas=1")}
				in.Links = []links.Link{all}
			}),
			[]string{"all: AMS/orders/0/orders", "change orders to 0 for all cleanup.policy=compact max.message.bytes=3048 retention.ms=-1"},
		},
		"larger messages than needed are left": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1, "max.message.bytes=1000"))
				in.Target = []Topic{topic("orders", 1, "max.message.bytes=9000")}
				in.Links = []links.Link{all}
			}),
			[]string{"all: AMS/orders/0/orders"},
		},
		"those of a shared target are its site's own": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1, "cleanup.policy=compact", "max.message.bytes=9000"), topic("stock", 1, "max.message.bytes=1000"))
				in.Target = []Topic{topic("orders", 1, "cleanup.policy=delete", "max.message.bytes=1000"), topic("stock", 1, "max.message.bytes=1000")}
				in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}, Shared: true}}}
			}),
			[]string{"a: AMS/orders/0/orders", "a: AMS/stock/0/stock", "max_message_bytes a orders"},
		},
		"a record that announces nothing is told of where the link chooses its key": {
			world(func(in *Input) {
				of := in.Sources["ams"]
				of.Bad = []BadAnnouncement{{Key: "shop", Offset: 7, Why: "no"}, {Key: "bank"}, {}}
				in.Sources["ams"] = of
				in.Links = []links.Link{
					{Since: 1, Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}}},
					{Since: 2, Spec: links.Spec{Name: "b", Source: "ams", Applications: []string{"shop"}}},
					{Since: 3, Spec: links.Spec{Name: "c", Source: "lis", Applications: []string{"shop"}}},
				}
			}),
			[]string{"bad_announcement b", "bad_announcement b"},
		},
		"the source of a link that was turned round has room as its copy": {
			world(func(in *Input) {
				in.topics(false, topic("orders", 1, "max.message.bytes=3048"), topic("stock", 1, "max.message.bytes=3049"))
				in.Target = []Topic{topic("orders", 1, "max.message.bytes=1000"), topic("stock", 1, "max.message.bytes=1000")}
				in.Links = []links.Link{{FailOvers: 1, Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}}}}
			}),
			[]string{"a: AMS/orders/0/orders", "a: AMS/stock/0/stock", "max_message_bytes a stock"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, told(Select(c.in, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is created has the settings of the source, but for those of a cluster.
func TestSettingsOfNewTopics(t *testing.T) {
	source := topic("orders", 1, "cleanup.policy=compact,delete", "retention.ms=5", "retention.bytes=6", "max.message.bytes=2147483647", "min.insync.replicas=2", "compression.type=zstd")
	for shared, want := range map[bool]map[string]string{
		false: {"retention.ms": "-1", "retention.bytes": "-1"},
		true:  {"retention.ms": "5", "retention.bytes": "6"},
	} {
		maps.Copy(want, map[string]string{
			"cleanup.policy": "compact,delete", "compression.type": "zstd", "max.message.bytes": "2147483647", "message.timestamp.type": "CreateTime",
			"message.timestamp.before.max.ms": "9223372036854775807", "message.timestamp.after.max.ms": "9223372036854775807",
		})
		s := Select(world(func(in *Input) {
			in.topics(false, source)
			in.Links = []links.Link{{Spec: links.Spec{Name: "a", Source: "ams", Include: []string{".*"}, Shared: shared}}}
		}), nil)
		if len(s.Changes) != 1 || !s.Changes[0].Create {
			t.Fatalf("%+v", s.Changes)
		}
		if diff := cmp.Diff(want, s.Changes[0].Settings); diff != "" {
			t.Errorf("shared %v: %s", shared, diff)
		}
	}
	for name := range NotFollowed() {
		if slices.Contains(Followed(), name) {
			t.Errorf("%s is followed, and is not", name)
		}
	}
}

// The whole configuration of a copy.
func TestConfigOfACopy(t *testing.T) {
	s := Select(world(func(in *Input) {
		in.topics(true, topic("orders", 1, "cleanup.policy=delete, compact", "max.message.bytes=1000"))
		in.Links = []links.Link{{Spec: links.Spec{
			Name: "a", Source: "ams", Include: []string{".*"}, Shared: true, Relay: true,
			On: links.Policies{Overtaken: links.GoOn},
		}}}
	}), nil)
	got := s.Copies[0].Config
	if !got.Shared || !got.Relay || got.MaxRecord != 939 || !got.Compacted.Source || !got.Compacted.Target || got.On.Overtaken != mirror.GoOn ||
		got.Source.Cluster != "AMS" || got.Target.Cluster != "FRA" {
		t.Errorf("%+v", got)
	}
}

// A link that copies a topic keeps it, though an older one would have it.
func TestTheHolderKeepsATopic(t *testing.T) {
	in := world(func(in *Input) {
		in.topics(true, topic("x.a", 1), topic("a", 1))
		in.Sources["ams"] = Source{Cluster: "AMS", Topics: []Topic{topic("a", 1)}}
		in.Links = []links.Link{
			{Spec: links.Spec{Name: "older", Source: "ams", Include: []string{"x\\..*"}}, Since: 1},
			{Spec: links.Spec{Name: "younger", Source: "ams", Include: []string{"a"}, Prefix: "x."}, Since: 2},
		}
	})
	first := Select(in, nil)
	in.topics(false, topic("x.a", 1))
	second := Select(in, first)
	if diff := cmp.Diff([]string{"younger: AMS/a/0/x.a", "two_links older x.a stops"}, told(second)); diff != "" {
		t.Error(diff)
	}
}
