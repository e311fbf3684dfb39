package network

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// A change has as many objects as are allowed, and not one more.
func TestAChangeHasTenThousandObjects(t *testing.T) {
	s := NewState()
	s.SetSite(Site{Name: "ams"})
	m := &events.NetworkChangeRequested{Objects: []*events.NetworkObject{{
		Path: "/networks/a", Span: &events.NetworkSpan{Sites: []string{"ams"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}},
	}}}
	for i := range MaxObjects - 1 {
		m.Objects = append(m.Objects, &events.NetworkObject{
			Path: fmt.Sprintf("/networks/a/routers/%d", i), Spec: &events.NetworkObject_Router{Router: &events.NetworkRouter{}},
		})
	}
	change, wrong := s.Check(m, 1)
	if len(wrong) > 0 || len(change.Puts) != MaxObjects {
		t.Fatalf("%d objects are refused: %v", len(m.Objects), wrong)
	}
	if d := s.Apply(change)["ams"]; d == nil || len(d.Puts) != MaxObjects {
		t.Fatal("the site does not get all of them")
	}
	m.Deletes = []string{"/networks/b"}
	if _, wrong = s.Check(m, 2); len(wrong) != 1 || wrong[0].Code != events.CodeTooLarge {
		t.Errorf("one more is not refused as too many: %v", wrong)
	}
	m.Deletes, m.Expect = nil, make([]*events.NetworkExpected, MaxObjects+1)
	if _, wrong = s.Check(m, 2); len(wrong) != 1 || wrong[0].Code != events.CodeTooLarge {
		t.Errorf("more expected revisions than objects are not refused: %v", wrong)
	}
}
