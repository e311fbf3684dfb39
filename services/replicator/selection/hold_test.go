package selection

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/pkg/replication/links"
)

// Who holds a target topic follows from what all replicators read, whatever each of them has
// selected before: of two choices, older and younger, into x.a.
func TestWhoHoldsATopic(t *testing.T) {
	const olderHas, youngerHas = "older: AMS/x.a/0/x.a", "younger: LIS/a/0/x.a"
	const olderNot, youngerNot = "two_links older x.a stops", "two_links younger a stops"
	base := world(func(in *Input) {
		in.topics(true, topic("x.a", 1))
		in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("a", 1)}}
		in.Links = []links.Link{
			{Spec: links.Spec{Name: "older", Source: "ams", Include: []string{"x\\..*"}}, Since: 1},
			{Spec: links.Spec{Name: "younger", Source: "lis", Include: []string{"a"}, Prefix: "x."}, Since: 2},
		}
	})
	older, younger := Hold{"older", "x.a", "x.a"}, Hold{"younger", "a", "x.a"}
	// What a process may have selected before.
	alone := func(i int) *Selection {
		in := base
		in.Links = in.Links[i : i+1]
		return Select(in, nil)
	}
	for name, c := range map[string]struct {
		held   map[Hold]Holding
		change func(*Input)
		want   []string
	}{
		"the younger is told to copy": {map[Hold]Holding{younger: {Firmness: Firm}}, nil, []string{youngerHas, olderNot}},
		"the older is":                {map[Hold]Holding{older: {Firmness: Firm}}, nil, []string{olderHas, youngerNot}},
		"both are":                    {map[Hold]Holding{older: {Firmness: Firm}, younger: {Firmness: Firm}}, nil, []string{olderHas, youngerNot}},
		"the older has found records of something else":           {map[Hold]Holding{older: {Firmness: Doubtful}, younger: {Firmness: Firm}}, nil, []string{youngerHas, olderNot}},
		"it has, and the younger is not told of":                  {map[Hold]Holding{older: {Firmness: Doubtful}}, nil, []string{olderHas, youngerNot}},
		"the holder is deleted":                                   {map[Hold]Holding{younger: {Firmness: Firm}}, func(in *Input) { in.Links = in.Links[:1] }, []string{olderHas}},
		"the holder does not choose it any more":                  {map[Hold]Holding{younger: {Firmness: Firm}}, withdrawn, []string{olderHas}},
		"the holder has another prefix now":                       {map[Hold]Holding{younger: {Firmness: Firm}}, func(in *Input) { in.Links[1].Prefix = "y." }, []string{olderHas, "create y.a to 1 for younger"}},
		"the source of the holder is not known yet":               {map[Hold]Holding{younger: {Firmness: Firm}}, func(in *Input) { in.Sources["lis"] = Source{} }, []string{olderNot}},
		"it is away, and was never seen":                          {map[Hold]Holding{younger: {Firmness: Firm}}, away, []string{olderNot, "source_unreachable younger"}},
		"it is away, and the holder does not choose it any more":  {map[Hold]Holding{younger: {Firmness: Firm}}, func(in *Input) { away(in); withdrawn(in) }, []string{olderHas, "source_unreachable younger"}},
		"it has no such topic any more":                           {map[Hold]Holding{younger: {Firmness: Firm}}, func(in *Input) { in.Sources["lis"] = Source{Cluster: "LIS"} }, []string{olderHas}},
		"it is away, and was seen":                                {map[Hold]Holding{younger: {Firmness: Firm}}, awayAndSeen, []string{youngerHas, olderNot, "source_unreachable younger"}},
		"what applications announce to the holder is not known":   {map[Hold]Holding{younger: {Firmness: Firm}}, announced, []string{olderNot}},
		"one that holds nothing is away":                          {map[Hold]Holding{older: {Firmness: Firm}}, away, []string{olderHas, "source_unreachable younger"}},
		"both are told to copy, and the younger's source is away": {map[Hold]Holding{older: {Firmness: Firm}, younger: {Firmness: Firm}}, away, []string{olderHas, "source_unreachable younger"}},
		"the older's source is the same cluster by another name":  {map[Hold]Holding{{"older", "a", "a"}: {Firmness: Firm}}, alias, []string{"older: LIS/a/0/a", youngerNot}},
		"the younger's source is, and it is told to copy":         {map[Hold]Holding{{"younger", "a", "a"}: {Firmness: Firm}}, alias, []string{"younger: LIS/a/0/a", "two_links older a stops"}},
	} {
		in := base
		in.Links = append([]links.Link{}, base.Links...)
		in.Sources = map[string]Source{"ams": base.Sources["ams"], "lis": base.Sources["lis"]}
		in.Held = c.held
		if c.change != nil {
			c.change(&in)
		}
		for process, before := range map[string]*Selection{"a new process": nil, "one that had the older": alone(0), "one that had the younger": alone(1)} {
			if diff := cmp.Diff(c.want, told(Select(in, before))); diff != "" {
				t.Errorf("%s: %s: %s", name, process, diff)
			}
		}
	}
}

func withdrawn(in *Input) { in.Links[1].Include = []string{"other"} }

func away(in *Input) { in.Sources["lis"] = Source{Trouble: "away"} }

func awayAndSeen(in *Input) {
	of := in.Sources["lis"]
	of.Trouble = "away"
	in.Sources["lis"] = of
}

func announced(in *Input) {
	in.Links[1].Include, in.Links[1].Applications = nil, []string{"shop"}
}

func alias(in *Input) {
	in.Links[0].Include, in.Links[1].Prefix = []string{"a"}, ""
	in.Sources["ams"] = in.Sources["lis"]
	in.Target = []Topic{topic("a", 1)}
}

// A target topic that no choice is told to hold is kept by what was selected before, and else
// is the older link's.
func TestWhoHoldsATopicThatNobodyIsToldOf(t *testing.T) {
	in := world(func(in *Input) {
		in.topics(true, topic("a", 1))
		in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("a", 1)}}
		in.Links = []links.Link{
			{Spec: links.Spec{Name: "older", Source: "ams", Include: []string{"a"}}, Since: 1},
			{Spec: links.Spec{Name: "younger", Source: "lis", Include: []string{"a"}}, Since: 2},
		}
	})
	if diff := cmp.Diff([]string{"older: AMS/a/0/a", "two_links younger a stops"}, told(Select(in, nil))); diff != "" {
		t.Error(diff)
	}
	before := in
	before.Links = in.Links[1:]
	if diff := cmp.Diff([]string{"younger: LIS/a/0/a", "two_links older a stops"}, told(Select(in, Select(before, nil)))); diff != "" {
		t.Error(diff)
	}
}

// Of two links that are told to hold a topic the one that was told first has it, for all
// replicators alike; also where one of them does not know yet of the link, of its topic, or of
// that the link chooses it.
func TestTheFirstClaimHolds(t *testing.T) {
	const olderHas, youngerHas = "older: AMS/x.a/0/x.a", "younger: LIS/a/0/x.a"
	const olderNot, youngerNot = "two_links older x.a stops", "two_links younger a stops"
	base := world(func(in *Input) {
		in.topics(true, topic("x.a", 1))
		in.Sources["lis"] = Source{Cluster: "LIS", Topics: []Topic{topic("a", 1)}}
		in.Links = []links.Link{
			{Spec: links.Spec{Name: "older", Source: "ams", Include: []string{"x\\..*"}}, Since: 1},
			{Spec: links.Spec{Name: "younger", Source: "lis", Include: []string{"a"}, Prefix: "x."}, Since: 2},
		}
	})
	older, younger := Hold{"older", "x.a", "x.a"}, Hold{"younger", "a", "x.a"}
	unlinked := func(in *Input) { in.Links = in.Links[:1] }
	for name, c := range map[string]struct {
		younger, older Holding
		change         func(*Input)
		want           []string
	}{
		"the younger was first":                          {Holding{Firm, 10, true}, Holding{Firm, 11, true}, nil, []string{youngerHas, olderNot}},
		"the older was":                                  {Holding{Firm, 11, true}, Holding{Firm, 10, true}, nil, []string{olderHas, youngerNot}},
		"the older was, and found something else":        {Holding{Firm, 11, false}, Holding{Doubtful, 10, false}, nil, []string{youngerHas, olderNot}},
		"a link that is not known was first":             {Holding{Firm, 10, true}, Holding{Firm, 11, true}, unlinked, []string{olderNot}},
		"one that is not known was second":               {Holding{Firm, 11, true}, Holding{Firm, 10, true}, unlinked, []string{olderHas}},
		"the first one is deleted":                       {Holding{Firm, 10, false}, Holding{Firm, 11, true}, unlinked, []string{olderHas}},
		"the first one's topic is not known":             {Holding{Firm, 10, true}, Holding{Firm, 11, true}, func(in *Input) { in.Sources["lis"] = Source{Cluster: "LIS"} }, []string{olderNot}},
		"it is deleted":                                  {Holding{Firm, 10, false}, Holding{Firm, 11, true}, func(in *Input) { in.Sources["lis"] = Source{Cluster: "LIS"} }, []string{olderHas}},
		"that the first one chooses it is not known":     {Holding{Firm, 10, true}, Holding{Firm, 11, true}, withdrawn, []string{olderNot}},
		"the first one does not choose it any more":      {Holding{Firm, 10, false}, Holding{Firm, 11, true}, withdrawn, []string{olderHas}},
		"the first one's source is not known":            {Holding{Firm, 10, false}, Holding{Firm, 11, true}, func(in *Input) { in.Sources["lis"] = Source{} }, []string{olderNot}},
		"the first one's source does not answer for now": {Holding{Firm, 10, false}, Holding{Firm, 11, true}, awayAndSeen, []string{youngerHas, olderNot, "source_unreachable younger"}},
	} {
		in := base
		in.Links = append([]links.Link{}, base.Links...)
		in.Sources = map[string]Source{"ams": base.Sources["ams"], "lis": base.Sources["lis"]}
		in.Held = map[Hold]Holding{older: c.older, younger: c.younger}
		if c.change != nil {
			c.change(&in)
		}
		if diff := cmp.Diff(c.want, told(Select(in, nil))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
