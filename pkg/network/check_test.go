package network_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

func segment(path string, change ...func(*events.NetworkObject)) *events.NetworkObject {
	return changed(&events.NetworkObject{Path: path, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24"}}}, change)
}

func group(path string, groups ...string) *events.NetworkObject {
	return &events.NetworkObject{Path: path, Spec: &events.NetworkObject_Group{Group: &events.NetworkGroup{Groups: groups}}}
}

func shop(change ...func(*events.NetworkObject)) *events.NetworkObject {
	return changed(&events.NetworkObject{Path: "/networks/shop", Span: &events.NetworkSpan{Sites: []string{"ams"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}, change)
}

func changed(m *events.NetworkObject, change []func(*events.NetworkObject)) *events.NetworkObject {
	for _, f := range change {
		f(m)
	}
	return m
}

func spanning(s *events.NetworkSpan) func(*events.NetworkObject) {
	return func(m *events.NetworkObject) { m.Span = s }
}

func puts(objects ...*events.NetworkObject) *events.NetworkChangeRequested {
	return &events.NetworkChangeRequested{Objects: objects}
}

// Each thing that is wrong with a change is told with its code, its path and its pointer.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const web, in = "/networks/shop/segments/web", "/networks/shop/segments/"
	routed := func(m *events.NetworkObject) { m.GetSegment().Router = "/networks/shop/routers/edge" }
	rule := func(r *events.NetworkRule) *events.NetworkObject {
		return &events.NetworkObject{Path: "/networks/shop/rules/r", Spec: &events.NetworkObject_Rule{Rule: r}}
	}
	chain := func(c *events.NetworkChain) *events.NetworkObject {
		return &events.NetworkObject{Path: "/networks/shop/chains/c", Spec: &events.NetworkObject_Chain{Chain: c}}
	}
	many := puts()
	for i := range network.MaxObjects + 1 {
		many.Deletes = append(many.Deletes, fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		m    *events.NetworkChangeRequested
		want string // code pointer, for each
	}{
		"sound":    {puts(segment(web)), ""},
		"nothing":  {puts(), "BAD_DATA "},
		"too many": {many, "TOO_LARGE "},
		"too large": {puts(segment(web, func(m *events.NetworkObject) {
			m.Labels = map[string]string{"a": strings.Repeat("x", network.MaxChangeBytes)}
		})), "TOO_LARGE "},
		"one too large": {puts(segment(web, func(m *events.NetworkObject) {
			m.Labels = map[string]string{"a": strings.Repeat("x", network.MaxObjectBytes)}
		})), "TOO_LARGE /objects/0"},
		"nil":                     {puts(nil), "BAD_PATH /objects/0/path"},
		"no path":                 {puts(segment("")), "BAD_PATH /objects/0/path"},
		"an odd name":             {puts(segment(in + "we b")), "BAD_PATH /objects/0/path"},
		"a name of another world": {puts(segment(in + "wéb")), "BAD_PATH /objects/0/path"},
		"a name that climbs":      {puts(segment(in + "..")), "BAD_PATH /objects/0/path"},
		"a long name":             {puts(segment(in + strings.Repeat("x", 64))), "BAD_PATH /objects/0/path"},
		"an unknown type":         {puts(segment("/networks/shop/bridges/web")), "BAD_PATH /objects/0/path"},
		"another type":            {puts(segment("/networks/shop/routers/web")), "BAD_PATH /objects/0"},
		"nothing in it":           {puts(&events.NetworkObject{Path: web}), "BAD_PATH /objects/0"},
		"twice":                   {puts(segment(web), segment(web)), "TWICE /objects/1/path"},
		"put and deleted":         {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(web)}, Deletes: []string{web}}, "TWICE /deletes/0"},
		"delete what is not":      {&events.NetworkChangeRequested{Deletes: []string{web}}, "UNKNOWN_OBJECT /deletes/0"},
		"delete what is in use":   {&events.NetworkChangeRequested{Deletes: []string{"/networks/shop/routers/core"}}, "REFERRED_TO /deletes/0"},
		"delete both":             {&events.NetworkChangeRequested{Deletes: []string{"/networks/shop/routers/core", in + "old"}}, ""},
		"no network":              {puts(segment("/networks/none/segments/web", spanning(&events.NetworkSpan{Sites: []string{"ams"}}))), "UNKNOWN_OBJECT /objects/0/path"},
		"no router":               {puts(segment(web, routed)), "UNKNOWN_OBJECT /objects/0/segment/router"},
		"a router of another type": {puts(segment(web, func(m *events.NetworkObject) { m.GetSegment().Router = in + "old" })),
			"BAD_PATH /objects/0/segment/router"},
		"an unknown site":          {puts(segment(web, spanning(&events.NetworkSpan{Sites: []string{"ams", "mars"}}))), "UNKNOWN_SITE /objects/0/span/sites/1"},
		"no sites":                 {puts(segment(web, spanning(&events.NetworkSpan{}))), "BAD_SPAN /objects/0/span"},
		"a selector of none":       {puts(segment(web, spanning(&events.NetworkSpan{Selector: "region=moon"}))), "BAD_SPAN /objects/0/span"},
		"a selector that is none":  {puts(segment(web, spanning(&events.NetworkSpan{Selector: "a=(b"}))), "BAD_SPAN /objects/0/span/selector"},
		"used and named":           {puts(segment(web, spanning(&events.NetworkSpan{WhereUsed: true, Sites: []string{"ams"}}))), "BAD_SPAN /objects/0/span"},
		"nothing says where":       {puts(shop(spanning(nil))), "BAD_SPAN /objects/0, BAD_SPAN /objects/0"},
		"nothing says where it is": {puts(shop(spanning(nil)), segment(in+"old")), "BAD_SPAN /objects/0, BAD_SPAN /objects/1"},
		"a circle":                 {puts(group("/networks/shop/groups/a", "/networks/shop/groups/b"), group("/networks/shop/groups/b", "/networks/shop/groups/a")), "REFERENCE_CYCLE /objects/0"},
		"a small circle":           {puts(group("/networks/shop/groups/a", "/networks/shop/groups/a")), "REFERENCE_CYCLE /objects/0"},
		"a stale revision":         {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop()}, Expect: []*events.NetworkExpected{{Path: "/networks/shop", Revision: 7}}}, "STALE_REVISION /expect/0"},
		"not there yet":            {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop()}, Expect: []*events.NetworkExpected{{Path: "/networks/shop"}}}, "STALE_REVISION /expect/0"},
		"not there any more":       {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(web)}, Expect: []*events.NetworkExpected{{Path: web, Revision: 1}}}, "STALE_REVISION /expect/0"},
		"as it was seen":           {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop()}, Expect: []*events.NetworkExpected{{Path: "/networks/shop", Revision: 1}}}, ""},
		"no address":               {puts(segment(web, func(m *events.NetworkObject) { m.GetSegment().Cidr = "10.1.0.1/24" })), "BAD_DATA /objects/0/segment/cidr"},
		"a vlan":                   {puts(segment(web, func(m *events.NetworkObject) { m.GetSegment().Vlan = 4095 })), "BAD_DATA /objects/0/segment/vlan"},
		"a deadline":               {&events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop()}, DeadlineMs: -1}, "BAD_DATA /deadlineMs"},
		"labels":                   {puts(shop(func(m *events.NetworkObject) { m.Labels = map[string]string{"a b": ""} })), "BAD_DATA /objects/0/labels"},
		"an action":                {puts(rule(&events.NetworkRule{Action: "maybe"})), "BAD_DATA /objects/0/rule/action"},
		"a port":                   {puts(rule(&events.NetworkRule{Action: "deny", Protocol: "tcp", Ports: []string{"80", "90-80"}})), "BAD_DATA /objects/0/rule/ports/1"},
		"ports of icmp":            {puts(rule(&events.NetworkRule{Action: "deny", Protocol: "icmp", Ports: []string{"80"}})), "BAD_DATA /objects/0/rule/ports"},
		"a chain of nothing":       {puts(chain(&events.NetworkChain{})), "BAD_DATA /objects/0/chain/functions"},
		"a function twice":         {puts(chain(&events.NetworkChain{Functions: []string{"a", "a"}})), ""},
		"several": {puts(segment(web, routed, spanning(&events.NetworkSpan{Sites: []string{"mars"}})), shop(spanning(&events.NetworkSpan{}))),
			"UNKNOWN_SITE /objects/0/span/sites/0, BAD_SPAN /objects/1/span, UNKNOWN_OBJECT /objects/0/segment/router"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := network.NewState()
			s.SetSite(network.Site{Name: "ams", Labels: map[string]string{"region": "eu"}})
			first, wrong := s.Check(puts(shop(), &events.NetworkObject{Path: "/networks/shop/routers/core", Spec: &events.NetworkObject_Router{Router: &events.NetworkRouter{}}},
				segment(in+"old", func(m *events.NetworkObject) { m.GetSegment().Router = "/networks/shop/routers/core" })), 1)
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			s.Apply(first)
			_, wrong = s.Check(c.m, 2)
			var got []string
			for _, w := range wrong {
				got = append(got, fmt.Sprintf("%s %s", w.Code, w.Pointer))
				if w.Message == "" || len(w.Message) > 1500 {
					t.Errorf("says %q", w.Message)
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%v, want %s", wrong, c.want)
			}
		})
	}
}

// A change of very many mistakes tells some of them.
func TestMistakesAreBounded(t *testing.T) {
	t.Parallel()
	m := puts()
	for i := range 1000 {
		m.Objects = append(m.Objects, segment(fmt.Sprint(i)))
	}
	if _, wrong := network.NewState().Check(m, 1); len(wrong) != network.MaxMistakes {
		t.Errorf("%d mistakes", len(wrong))
	}
}

// What a selector finds.
func TestSelectors(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"region": "eu", "gpu": ""}
	for text, want := range map[string]bool{
		"*": true, "region=eu": true, "region=us": false, "region!=eu": false, "region!=us": true, "gpu": true, "tpu": false,
		"tpu!=a": true, "region=eu, gpu": true, "region=eu,tpu": false, "gpu=": true,
	} {
		if s, err := network.ParseSelector(text); err != nil || s.Matches(labels) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", ",", "=a", "a=b=c", "a b", "é", strings.Repeat("a,", 30)} {
		if _, err := network.ParseSelector(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
