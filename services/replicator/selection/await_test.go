package selection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// copied is a topic that a replicator has made.
func copied(name string, partitions int32) Topic {
	t := topic(name, partitions)
	t.Copied = true
	return t
}

func TestTopicsThatReplicatorsHaveMade(t *testing.T) {
	all := links.Link{Spec: links.Spec{Name: "all", Source: "ams", Model: links.Topic, Include: []string{".*"}}, Since: 1}
	for name, c := range map[string]struct {
		in   Input
		want []string
	}{
		"a topic that a replicator has made has no target before a record counts": {
			world(func(in *Input) {
				in.topics(false, copied("ams.a", 2), copied("b", 1), topic("c", 1))
				in.Links = []links.Link{all}
				in.Counting = map[Hold]bool{{"all", "b", "b"}: true, {"other", "ams.a", "ams.a"}: true}
			}),
			[]string{"create b to 1 for all", "create c to 1 for all", "only_copies all"},
		},
		"a topic that a replicator has made is copied where its target is there": {
			world(func(in *Input) {
				in.topics(true, copied("b", 1))
				in.Links = []links.Link{all}
			}),
			[]string{"all: AMS/b/0/b"},
		},
		"a link that is paused awaits nothing": {
			world(func(in *Input) {
				in.topics(false, copied("b", 1))
				l := all
				l.Paused = true
				in.Links = []links.Link{l}
			}),
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, told(Select(c.in, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is created as a target is known for what a replicator has made, by the settings of the
// topic alone, and nothing is that people or the services of Spanway create.
func TestTargetsAreKnownAsCopied(t *testing.T) {
	all := links.Link{Spec: links.Spec{Name: "all", Source: "ams", Model: links.Topic, Include: []string{".*"}}}
	for _, shared := range []bool{false, true} {
		s := Select(world(func(in *Input) {
			in.topics(false, topic("orders", 1, "compression.type=producer"))
			all.Shared = shared
			in.Links = []links.Link{all}
		}), nil)
		if len(s.Changes) != 1 || !Copied(s.Changes[0].Settings) {
			t.Errorf("shared %v: %+v", shared, s.Changes)
		}
	}
	logs := events.Topics{Prefix: "spanway."}
	for _, spec := range events.Specs(slices.Concat(logs.Catalogue(), logs.ReplicationLogs())) {
		if Copied(spec.Config) {
			t.Errorf("%s is taken for a copy", spec.Name)
		}
	}
	if Copied(map[string]string{"compression.type": "zstd", "retention.ms": "-1"}) {
		t.Error("a topic that is compressed is taken for a copy")
	}
}
