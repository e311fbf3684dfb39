package network_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

var siteNames = []string{"ams", "fra", "sin", "nyc"}

// site is one with the labels that selectors of these tests ask for.
func site(name string) network.Site {
	return network.Site{Name: name, Labels: map[string]string{"region": map[string]string{"ams": "eu", "fra": "eu"}[name], "name": name}}
}

// span draws a span; nil: it has none.
func span(t *rapid.T) *events.NetworkSpan {
	switch rapid.IntRange(0, 4).Draw(t, "span") {
	case 0:
		return nil
	case 1:
		return &events.NetworkSpan{Selector: rapid.SampledFrom([]string{"*", "region=eu", "name!=ams", "name=sin,region"}).Draw(t, "selector")}
	case 2:
		return &events.NetworkSpan{WhereUsed: true}
	}
	return &events.NetworkSpan{Sites: rapid.SliceOfNDistinct(rapid.SampledFrom(siteNames), 1, 3, rapid.ID).Draw(t, "sites")}
}

func some(t *rapid.T, what, folder string) (out []string) {
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 0, 2, rapid.ID).Draw(t, what) {
		out = append(out, fmt.Sprintf("/networks/%s/%s/%d", rapid.SampledFrom([]string{"a", "b"}).Draw(t, "in"), folder, n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// object draws an object, which may refer to what is not there.
func object(t *rapid.T) *events.NetworkObject {
	in := "/networks/" + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "network")
	path := func(folder string) string {
		return fmt.Sprintf("%s/%s/%d", in, folder, rapid.IntRange(0, 3).Draw(t, "name"))
	}
	m := &events.NetworkObject{Span: span(t)}
	version := rapid.Uint32Range(0, 3).Draw(t, "version")
	switch rapid.IntRange(0, 5).Draw(t, "type") {
	case 0:
		m.Path, m.Spec = in, &events.NetworkObject_Network{Network: &events.Network{Description: fmt.Sprint(version)}}
	case 1:
		s := &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: version}
		if r := some(t, "router", "routers"); len(r) > 0 {
			s.Router = r[0]
		}
		m.Path, m.Spec = path("segments"), &events.NetworkObject_Segment{Segment: s}
	case 2:
		r := &events.NetworkRouter{Routes: []string{fmt.Sprintf("10.%d.0.0/16", version)}}
		if up := some(t, "uplink", "routers"); len(up) > 0 {
			r.Uplink = up[0]
		}
		m.Path, m.Spec = path("routers"), &events.NetworkObject_Router{Router: r}
	case 3:
		m.Path = path("groups")
		m.Spec = &events.NetworkObject_Group{Group: &events.NetworkGroup{Segments: some(t, "segments", "segments"), Groups: some(t, "groups", "groups"), Addresses: []string{fmt.Sprintf("10.0.0.%d", version)}}}
	case 4:
		m.Path = path("rules")
		m.Spec = &events.NetworkObject_Rule{Rule: &events.NetworkRule{From: some(t, "from", "groups"), To: some(t, "to", "groups"), Action: "allow", Priority: version}}
	default:
		m.Path = path("chains")
		m.Spec = &events.NetworkObject_Chain{Chain: &events.NetworkChain{From: some(t, "from", "groups"), Functions: []string{"firewall"}, Paths: version}}
	}
	return m
}

// request draws a change, sound or not.
func request(t *rapid.T, s *network.State) *events.NetworkChangeRequested {
	m := &events.NetworkChangeRequested{Objects: rapid.SliceOfN(rapid.Custom(object), 0, 4).Draw(t, "objects")}
	if all := s.Objects(); len(all) > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "deletes") {
			m.Deletes = append(m.Deletes, string(rapid.SampledFrom(all).Draw(t, "delete").Path))
		}
	}
	return m
}

// had is what each site got, as it is after each step.
type had map[string]map[network.Path]*network.Object

// get does what a site does with a delivery, and checks that at each step nothing is there
// whose references are not.
func (h had) get(t *rapid.T, site string, d *network.Delivery) {
	if h[site] == nil {
		h[site] = map[network.Path]*network.Object{}
	}
	at := h[site]
	closed := func(what string, p network.Path) {
		for _, o := range at {
			for _, r := range o.References {
				if at[r] == nil {
					t.Fatalf("at %s, %s %s: %s refers to %s, which is not there", site, what, p, o.Path, r)
				}
			}
		}
	}
	for _, o := range d.Puts {
		at[o.Path] = o
		closed("with", o.Path)
	}
	for _, p := range d.Removes {
		if at[p] == nil {
			t.Fatalf("%s is told to remove %s, which it has not", site, p)
		}
		delete(at, p)
		closed("without", p)
	}
}

func (h had) objects(site string) []*network.Object {
	var out []*network.Object
	for _, o := range h[site] {
		out = append(out, o)
	}
	return network.Order(out)
}

// expected says by a slower rule where objects must be: until nothing is added, each is where
// its span says and where what refers to it is.
func expected(s *network.State, site network.Site) map[network.Path]bool {
	in := func(span *events.NetworkSpan) bool {
		if span == nil || span.WhereUsed {
			return false
		}
		sel, err := network.ParseSelector(span.Selector)
		return slices.Contains(span.Sites, site.Name) || span.Selector != "" && err == nil && sel.Matches(site.Labels)
	}
	out := map[network.Path]bool{}
	for _, o := range s.Objects() {
		span, t := o.Message.Span, o.Path.Type()
		if span == nil && t != network.NetworkType && t != network.GroupType {
			if n, ok := s.Object(o.Path.Network()); ok {
				span = n.Message.Span
			}
		}
		out[o.Path] = in(span)
	}
	for grown := true; grown; {
		grown = false
		for _, o := range s.Objects() {
			for _, r := range o.References {
				if out[o.Path] && !out[r] {
					out[r], grown = true, true
				}
			}
		}
	}
	return out
}

// What sites get, change by change, is what they must have, which is closed under references,
// ordered, and what the slower rule says.
func TestSitesGetWhatTheyMustHave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, sites := network.NewState(), had{}
		for i, name := range siteNames[:3] {
			s.SetSite(site(name))
			_ = i
		}
		applied := 0
		for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				other := site(rapid.SampledFrom(siteNames).Draw(t, "site"))
				other.Labels["region"] = rapid.SampledFrom([]string{"eu", "us"}).Draw(t, "region")
				sites.get(t, other.Name, s.SetSite(other))
			} else {
				change, wrong := s.Check(request(t, s), uint64(step+1))
				if len(wrong) > 0 {
					continue
				}
				applied++
				out := s.Apply(change)
				for _, name := range out.Sites() {
					sites.get(t, name, out[name])
				}
			}
			for _, at := range s.Sites() {
				judge(t, s, at, sites.objects(at.Name))
			}
		}
	})
}

func judge(t *rapid.T, s *network.State, at network.Site, has []*network.Object) {
	must, want := s.Project(at.Name), expected(s, at)
	if network.Digest(must) != network.Digest(has) || len(must) != len(has) {
		t.Fatalf("%s has %v, and must have %v", at.Name, paths(has), paths(must))
	}
	n, before := 0, map[network.Path]bool{}
	for _, o := range must {
		if !want[o.Path] {
			t.Fatalf("%s must have %s, which the slower rule denies", at.Name, o.Path)
		}
		for _, r := range o.References {
			if !before[r] {
				t.Fatalf("%s stands before %s, to which it refers", o.Path, r)
			}
		}
		before[o.Path] = true
	}
	for _, in := range want {
		if in {
			n++
		}
	}
	if n != len(must) {
		t.Fatalf("%s must have %v; by the slower rule it is %v", at.Name, paths(must), want)
	}
}

func paths(objects []*network.Object) (out []network.Path) {
	for _, o := range objects {
		out = append(out, o.Path)
	}
	return out
}

// The digest goes by what objects say and their revisions, not by their order.
func TestDigestIsEqualIffEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := object(t), object(t)
		x, y := network.NewObject(a, 1), network.NewObject(b, 1)
		if equal := network.Equal(a, b); equal != (x.Hash == y.Hash) {
			t.Fatalf("equal: %v, hashes %x and %x of\n%v\n%v", equal, x.Hash, y.Hash, a, b)
		}
		if x.Hash == network.NewObject(a, 2).Hash {
			t.Fatal("the revision does not enter the hash")
		}
		if network.Digest([]*network.Object{x, y}) != network.Digest([]*network.Object{y, x}) {
			t.Fatal("the digest goes by the order")
		}
	})
}
