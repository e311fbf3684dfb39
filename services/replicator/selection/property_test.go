package selection

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/replication/links"
)

var (
	names = []string{"a", "b", "x.a", "x.b", "a.tmp", "__t", "spanway.tasks.events"}
	sites = []string{"fra", "lis"}
)

func drawTopics(t *rapid.T, label string) []Topic {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Topic {
		out := topic(rapid.SampledFrom(names).Draw(t, "topic"), rapid.Int32Range(1, 3).Draw(t, "partitions"))
		if rapid.Bool().Draw(t, "compacted") {
			out.Settings[cleanupPolicy] = "compact"
		}
		return out
	}), 0, len(names), func(t Topic) string { return t.Name }).Draw(t, label)
}

func drawLink(t *rapid.T, name string, since int64) links.Link {
	l := links.Link{Since: since, Paused: rapid.Bool().Draw(t, "paused"), Spec: links.Spec{
		Name: name, Source: rapid.SampledFrom([]string{"ams", "lis", "other"}).Draw(t, "source"),
		Model:   rapid.SampledFrom([]links.Model{links.Topic, links.Grouped, links.Routed}).Draw(t, "model"),
		Include: rapid.SliceOfN(rapid.SampledFrom([]string{".*", "a|b", "x\\..*", "("}), 0, 2).Draw(t, "include"),
		Groups:  rapid.SliceOfN(rapid.SampledFrom([]string{"g", "h"}), 0, 2).Draw(t, "groups"),
		Prefix:  rapid.SampledFrom([]string{"", "x."}).Draw(t, "prefix"),
		Shared:  rapid.Bool().Draw(t, "shared"),
	}}
	return l
}

func drawGroup(t *rapid.T, name string) links.Group {
	return links.Group{
		Name: name, Topics: rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "topics"),
		Sites: rapid.SliceOfN(rapid.SampledFrom(sites), 0, 2).Draw(t, "sites"),
	}
}

func drawInput(t *rapid.T) Input {
	in := world(func(in *Input) {
		in.Sources = map[string]Source{
			"ams":   {Cluster: "AMS", Topics: drawTopics(t, "ams")},
			"lis":   {Cluster: "LIS", Topics: drawTopics(t, "lis")},
			"other": {Cluster: rapid.SampledFrom([]string{"AMS", "FRA", ""}).Draw(t, "cluster"), Topics: drawTopics(t, "other")},
		}
		in.Target = drawTopics(t, "target")
		if rapid.Bool().Draw(t, "all are there") {
			in.Target = nil
			for _, name := range names {
				in.Target = append(in.Target, topic(name, 3), topic("x."+name, 3))
			}
		}
	})
	for i := range rapid.IntRange(0, 4).Draw(t, "links") {
		in.Links = append(in.Links, drawLink(t, fmt.Sprintf("l%d", i), int64(i)))
	}
	if rapid.Bool().Draw(t, "group") {
		in.Groups = append(in.Groups, drawGroup(t, "g"))
	}
	return in
}

// Adding a link, a topic or a group leaves every copy that was wanted as it was.
func TestAddingChangesNoOtherCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := Select(in, nil)
		switch rapid.IntRange(0, 3).Draw(t, "add") {
		case 0:
			in.Links = slices.Insert(slices.Clone(in.Links), 0, drawLink(t, "added", rapid.Int64Range(-1, 9).Draw(t, "revision")))
		case 1:
			source := in.Sources["ams"]
			if added := topic("new", 2); rapid.Bool().Draw(t, "at the source") {
				source.Topics = append(slices.Clone(source.Topics), added)
			}
			for _, extra := range drawTopics(t, "more") {
				if !slices.ContainsFunc(source.Topics, func(t Topic) bool { return t.Name == extra.Name }) {
					source.Topics = append(source.Topics, extra)
				}
			}
			in.Sources["ams"] = source
		case 2:
			in.Groups = append(slices.Clone(in.Groups), drawGroup(t, "h"))
		case 3:
			in.Target = append(slices.Clone(in.Target), topic("another", 1))
		}
		after := Select(in, before)
		for _, c := range before.Copies {
			i := slices.IndexFunc(after.Copies, func(other Copy) bool { return other.ID == c.ID })
			if i < 0 {
				t.Fatalf("%s is gone: %v", c.ID, told(after))
			}
			if diff := cmp.Diff(c, after.Copies[i]); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// Whatever the input: each copy stands once, where its partition is, and a target
// partition with several has only shared ones of different sources.
func TestCopiesDoNotMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		s := Select(in, nil)
		if diff := cmp.Diff(told(s), told(Select(in, nil))); diff != "" {
			t.Fatal(diff)
		}
		for i, c := range s.Copies {
			target := c.Config.Target
			at := slices.IndexFunc(in.Target, func(t Topic) bool { return t.Name == target.Topic })
			if at < 0 || target.Partition >= in.Target[at].Partitions || c.Config.Source.Cluster == target.Cluster || c.Config.Source.Partition != target.Partition {
				t.Fatalf("%+v", c)
			}
			for _, other := range s.Copies[:i] {
				if other.ID == c.ID || other.Config.Target == target && (!c.Config.Shared || !other.Config.Shared || c.Config.Source == other.Config.Source) {
					t.Fatalf("%+v and %+v", other, c)
				}
			}
		}
	})
}

// When what a selection asks for is done, the next one asks for nothing more.
func TestChangesSuffice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		first := Select(in, nil)
		for _, change := range first.Changes {
			i := slices.IndexFunc(in.Target, func(t Topic) bool { return t.Name == change.Topic })
			if i < 0 {
				in.Target, i = append(in.Target, topic(change.Topic, change.Partitions)), len(in.Target)
			}
			in.Target[i].Partitions = max(in.Target[i].Partitions, change.Partitions)
			for k, v := range change.Settings {
				in.Target[i].Settings[k] = v
			}
		}
		if again := Select(in, first); len(again.Changes) > 0 {
			t.Fatalf("asked %+v, and then %+v", first.Changes, again.Changes)
		}
	})
}
