package realise_test

import (
	"encoding/json"
	"testing"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/realise"
)

// A command is given the object, or that it shall not be there; and nothing of what is no task of a
// local manager.
func TestACommandIsGivenTheObject(t *testing.T) {
	env, stdin, err := realise.Given(task(t, &events.NetworkRealising{Path: web, Object: segment("10.1.0.0/24")}))
	var o struct{ Segment struct{ Cidr string } }
	if failed := json.Unmarshal([]byte(stdin), &o); err != nil || failed != nil || o.Segment.Cidr != "10.1.0.0/24" {
		t.Errorf("it is given %q (%v, %v)", stdin, err, failed)
	}
	if env["SPANWAY_OBJECT"] != web || env["SPANWAY_ACTION"] != "realise" {
		t.Errorf("it is told %v", env)
	}
	env, stdin, err = realise.Given(task(t, &events.NetworkRealising{Path: web}))
	if err != nil || stdin != "" || env["SPANWAY_OBJECT"] != web || env["SPANWAY_ACTION"] != "remove" {
		t.Errorf("to remove it, it is told %v, given %q (%v)", env, stdin, err)
	}
	for name, of := range map[string]*engine.Task{"no protobuf": {ID: "a", Payload: []byte("\xff")}, "no path": task(t, &events.NetworkRealising{Path: "/x"})} {
		if env, stdin, err := realise.Given(of); err == nil {
			t.Errorf("%s: it is told %v, given %q", name, env, stdin)
		}
	}
}
