package realise_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/realise"
)

const web = "/networks/shop/segments/web"

func task(t *testing.T, m *events.NetworkRealising) *engine.Task {
	t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Task{ID: "network/ams/1", Payload: payload}
}

func segment(cidr string) *events.NetworkObject {
	return &events.NetworkObject{Path: web, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: cidr}}}
}

// An object is a file, a change replaces it, and nothing is left of what was removed; a task that
// is run twice does no more than one.
func TestFilesAreWhatIsRealised(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "realised")
	f, file := realise.Files{Dir: dir}, filepath.Join(dir, "networks", "shop", "segments", "web.json")
	for _, cidr := range []string{"10.1.0.0/24", "10.2.0.0/24", "10.2.0.0/24"} {
		if _, err := f.Handle(t.Context(), task(t, &events.NetworkRealising{Path: web, Object: segment(cidr)})); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			Path    string
			Segment struct{ Cidr string }
		}
		if err := json.Unmarshal(text, &o); err != nil || o.Path != web || o.Segment.Cidr != cidr {
			t.Errorf("%s: %v\n%s", cidr, err, text)
		}
	}
	for range 2 {
		if _, err := f.Handle(t.Context(), task(t, &events.NetworkRealising{Path: web})); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("%v, %v are left", left, err)
		}
	}
}

// What is no payload of a local manager is refused for good, and writes nothing.
func TestFilesRefuseWhatIsNone(t *testing.T) {
	dir := t.TempDir()
	f := realise.Files{Dir: filepath.Join(dir, "realised")}
	for name, of := range map[string]*engine.Task{
		"no protobuf":    {ID: "a", Payload: []byte("\xff")},
		"no path":        task(t, &events.NetworkRealising{Object: segment("10.1.0.0/24")}),
		"a way out":      task(t, &events.NetworkRealising{Path: "/networks/../../x", Object: segment("10.1.0.0/24")}),
		"a way out gone": task(t, &events.NetworkRealising{Path: "/../x"}),
	} {
		_, err := f.Handle(t.Context(), of)
		if _, final := engine.CodeOf(err); err == nil || !final {
			t.Errorf("%s: %v; want a final error", name, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v are there", left)
	}
}
