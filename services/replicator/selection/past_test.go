package selection

import (
	"testing"

	"github.com/spanway/spanway/pkg/replication/links"
)

func TestWhatBecameOfACopy(t *testing.T) {
	in := func(change func(*Input)) Input {
		in := Input{
			Site:    Site{Name: "fra", Cluster: "F"},
			Links:   []links.Link{{Spec: links.Spec{Name: "in", Source: "ams", Include: []string{"orders|kept"}, Applications: []string{"shop"}}}},
			Sources: map[string]Source{"ams": {Cluster: "A", Topics: []Topic{{Name: "kept", Partitions: 2}}, Applications: []Application{}}},
			Target:  []Topic{{Name: "orders", Partitions: 2}, {Name: "kept", Partitions: 4}, {Name: "p.orders", Partitions: 2}, {Name: "other", Partitions: 1}},
		}
		if change != nil {
			change(&in)
		}
		return in
	}
	source := func(change func(*Source)) func(*Input) {
		return func(in *Input) {
			of := in.Sources["ams"]
			change(&of)
			in.Sources["ams"] = of
		}
	}
	for name, c := range map[string]struct {
		in            Input
		link          string
		topic, target string
		partition     int32
		want          Fate
	}{
		"the source has no such topic":     {in(nil), "in", "orders", "orders", 1, SourceDeleted},
		"it has":                           {in(nil), "in", "kept", "kept", 1, Present},
		"it has fewer partitions":          {in(nil), "in", "kept", "kept", 2, SourceDeleted},
		"the link is gone":                 {in(nil), "out", "orders", "orders", 0, Unwanted},
		"the link does not choose it":      {in(nil), "in", "other", "other", 0, Unwanted},
		"it was announced":                 {in(source(func(s *Source) { s.Applications = []Application{{Name: "shop", Topics: []string{"other"}}} })), "in", "other", "other", 0, SourceDeleted},
		"what is announced is not known":   {in(source(func(s *Source) { s.Applications = nil })), "in", "orders", "orders", 0, Unknown},
		"the source is away":               {in(source(func(s *Source) { s.Trouble = "away" })), "in", "orders", "orders", 0, Unknown},
		"the source was never reached":     {in(source(func(s *Source) { s.Cluster = "" })), "in", "orders", "orders", 0, Unknown},
		"the source is not known":          {in(func(in *Input) { in.Sources = nil }), "in", "orders", "orders", 0, Unknown},
		"the source is the site":           {in(source(func(s *Source) { s.Cluster = "F" })), "in", "orders", "orders", 0, Unwanted},
		"the target is gone":               {in(func(in *Input) { in.Target = nil }), "in", "orders", "orders", 0, Unwanted},
		"the link has another prefix now":  {in(nil), "in", "orders", "p.orders", 0, Unwanted},
		"the link has had the same prefix": {in(func(in *Input) { in.Links[0].Prefix = "p." }), "in", "orders", "p.orders", 0, SourceDeleted},
	} {
		if got := Past(c.in)(c.link, c.topic, c.target, c.partition); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
