package network_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// What a change of one object costs does not depend on how many others refer to what it refers to:
// each segment refers to its network.
func TestAChangeLooksAtNoOtherUsers(t *testing.T) {
	cost := func(segments int) float64 {
		s := network.NewState()
		for i := range 10 {
			s.SetSite(site(fmt.Sprint("s", i)))
		}
		s.Apply(network.Change{Puts: []*network.Object{network.NewObject(&events.NetworkObject{
			Path: "/networks/n", Span: &events.NetworkSpan{Selector: "*"}, Spec: &events.NetworkObject_Network{Network: &events.Network{}},
		}, 1)}})
		put := func(n int, vlan uint32) network.Change {
			return network.Change{Puts: []*network.Object{network.NewObject(&events.NetworkObject{
				Path: fmt.Sprintf("/networks/n/segments/x%d", n),
				Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: fmt.Sprintf("10.0.%d.%d/32", n>>8, n&255), Vlan: vlan}},
			}, 1)}}
		}
		for n := range segments {
			s.Apply(put(n, 1))
		}
		const times = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for n := range times {
			s.Apply(put(n%segments, 2))
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / times
	}
	if few, many := cost(50), cost(5000); many > 3*few {
		t.Errorf("a change allocates %.0f bytes with 50 segments, and %.0f with 5000", few, many)
	}
}
