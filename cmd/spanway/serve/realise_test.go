package serve

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// With --realise an engine handles the tasks of local managers, and without it none of them.
func TestEnginesRealiseIfTheyAreTold(t *testing.T) {
	if got := realisers(""); len(got) > 0 {
		t.Errorf("without a directory there are handlers of %v", got)
	}
	dir := t.TempDir()
	handle := realisers(dir)[site.DefaultKind]
	if handle == nil {
		t.Fatal("there is no handler of the kind that local managers submit")
	}
	payload, err := proto.Marshal(&events.NetworkRealising{Path: "/networks/shop", Object: &events.NetworkObject{
		Path: "/networks/shop", Spec: &events.NetworkObject_Network{Network: &events.Network{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handle(t.Context(), &engine.Task{Payload: payload}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "networks", "shop", "network.json")); err != nil {
		t.Error(err)
	}
}
