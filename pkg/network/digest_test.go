package network_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Objects that differ in one thing, however small, have different hashes; equal ones have the
// same.
func TestHashesTellAll(t *testing.T) {
	t.Parallel()
	rule := func(from, to, ports []string) *events.NetworkObject {
		return &events.NetworkObject{Path: "/networks/a/rules/r", Spec: &events.NetworkObject_Rule{Rule: &events.NetworkRule{From: from, To: to, Ports: ports}}}
	}
	spanned := func(s *events.NetworkSpan) *events.NetworkObject {
		m := rule(nil, nil, nil)
		m.Span = s
		return m
	}
	labels := func(of map[string]string) *events.NetworkObject {
		m := rule(nil, nil, nil)
		m.Labels = of
		return m
	}
	unknown := rule(nil, nil, nil)
	unknown.ProtoReflect().SetUnknown([]byte{0xa0, 0x06, 1})
	other := rule(nil, nil, nil)
	other.Path = "/networks/a/rules/s"
	group := &events.NetworkObject{Path: "/networks/a/rules/r", Spec: &events.NetworkObject_Group{Group: &events.NetworkGroup{}}}
	all := []*events.NetworkObject{
		rule(nil, nil, nil), other, group, unknown,
		rule([]string{"a"}, nil, nil), rule(nil, []string{"a"}, nil), rule([]string{"b"}, nil, nil), rule([]string{"a", "b"}, nil, nil),
		rule([]string{"b", "a"}, nil, nil), rule([]string{"ab"}, nil, nil), rule([]string{"a"}, []string{"b"}, nil), rule([]string{""}, nil, nil),
		rule(nil, nil, []string{"a"}), rule([]string{"a", "\x02", "b"}, nil, nil),
		spanned(&events.NetworkSpan{}), spanned(&events.NetworkSpan{WhereUsed: true}), spanned(&events.NetworkSpan{Selector: "*"}), spanned(&events.NetworkSpan{Sites: []string{"*"}}),
		labels(map[string]string{"a": "b"}), labels(map[string]string{"b": "a"}), labels(map[string]string{"a": "", "b": ""}), labels(map[string]string{"a": "b", "b": "a"}),
	}
	for _, vlan := range []uint32{1, 2, 256} {
		all = append(all, &events.NetworkObject{Path: "/networks/a/segments/s", Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Vlan: vlan}}})
	}
	seen := map[uint64]*events.NetworkObject{}
	for _, m := range all {
		h := network.NewObject(m, 1).Hash
		if before := seen[h]; before != nil {
			t.Errorf("the hash of %v and %v is %x", before, m, h)
		}
		seen[h] = m
		if again := network.NewObject(proto.Clone(m).(*events.NetworkObject), 1).Hash; again != h {
			t.Errorf("the hash of %v is %x, and then %x", m, h, again)
		}
	}
	if h := network.NewObject(all[0], 1).Hash; h != 0xbe8f732ba5ac14fb {
		t.Errorf("the hash of %v is %#x; managers of another version would disagree", all[0], h)
	}
}
