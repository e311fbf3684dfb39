package serve

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	service "github.com/spanway/spanway/services/engine"
	"github.com/spanway/spanway/services/manager/site"
)

// With --realise or --realise-by an engine handles the tasks of local managers, and without them
// none of them.
func TestEnginesRealiseIfTheyAreTold(t *testing.T) {
	var none, by, in service.Config
	for cfg, of := range map[*service.Config]realising{&none: {}, &by: {command: "carry out"}} {
		if err := of.apply(cfg); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&realising{"a", "b"}).apply(&service.Config{}); err == nil {
		t.Error("both are taken")
	}
	if len(none.Handlers)+len(none.By) > 0 {
		t.Errorf("without a directory and a command there are handlers: %+v", none)
	}
	if got := by.By[site.DefaultKind]; got.Command != "carry out" || got.Give == nil || len(by.Handlers) > 0 {
		t.Errorf("with a command it is %+v", by)
	}
	dir := t.TempDir()
	if err := (&realising{dir: dir}).apply(&in); err != nil {
		t.Fatal(err)
	}
	handle := in.Handlers[site.DefaultKind]
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
