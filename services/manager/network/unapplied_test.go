package network

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// What a site has not applied of an object is the newest entry that is about it, until it has
// applied that.
func TestUnappliedIsTheNewestEntryAboutAnObject(t *testing.T) {
	c := New()
	apply := func(m proto.Message) { c.Apply(events.Logged{Message: m}) }
	object := func(path, description string) *events.NetworkObject {
		return &events.NetworkObject{Path: path, Span: &events.NetworkSpan{Sites: []string{"ams"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{Description: description}}}
	}
	expect := func(sequence uint64, overdue bool) {
		t.Helper()
		if s, o := c.Unapplied("ams", "/networks/shop"); s != sequence || o != overdue {
			t.Errorf("of shop entry %d is not applied (overdue: %t), want %d (%t)", s, o, sequence, overdue)
		}
	}
	apply(&events.NetworkSiteAdded{Site: "ams"})
	expect(0, false)
	apply(&events.NetworkChanged{Change: 1, Objects: []*events.NetworkObject{object("/networks/shop", "")}})
	apply(&events.NetworkChanged{Change: 2, Objects: []*events.NetworkObject{object("/networks/bank", "")}})
	expect(1, false)
	apply(&events.NetworkChanged{Change: 3, Deletes: []string{"/networks/shop"}})
	apply(&events.NetworkOverdue{Site: "ams", Change: 3, Sequence: 3})
	expect(3, true)
	apply(&events.NetworkSiteObserved{Site: "ams", Sequence: 3})
	expect(0, false)
	if s, _ := c.Unapplied("fra", "/networks/shop"); s != 0 {
		t.Errorf("a site that is not there has not applied entry %d", s)
	}
}
