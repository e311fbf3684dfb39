package placement

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestTheLaterLifeIsToldByTheLog: which of two lives of an engine is the later one says
// where in the log they begin, not the clocks of their hosts.
func TestTheLaterLifeIsToldByTheLog(t *testing.T) {
	t.Parallel()
	type life struct {
		from        int64
		incarnation string
	}
	for name, c := range map[string]struct {
		there, comes life
		registers    bool
	}{
		"it was killed and starts again":                        {life{5, "b"}, life{8, "c"}, true},
		"and its clock is behind":                               {life{5, "b"}, life{8, "a"}, true},
		"its own registration comes again":                      {life{5, "b"}, life{5, "b"}, false},
		"the registration of the one before it comes again":     {life{8, "b"}, life{5, "a"}, false},
		"and that had its clock ahead":                          {life{8, "b"}, life{5, "c"}, false},
		"none was answered before the other began":              {life{5, "b"}, life{5, "c"}, true},
		"none was answered, and the later has its clock behind": {life{5, "b"}, life{5, "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{})
			register := func(l life) {
				w.send(&events.EngineRegistration{Engine: &events.Engine{
					Id: "e1", Incarnation: l.incarnation, Pool: blue, Site: "eu", Allocatable: map[string]int64{"slots": 1},
					Kinds: []string{"k"}, AssignmentsPartition: events.EnginePartition("e1"), AssignmentsFrom: l.from,
				}})
			}
			register(c.there)
			before := len(w.log)
			register(c.comes)
			registered := len(w.log) > before && w.log[before].Type == events.TypeEngineRegistered
			if registered != c.registers {
				t.Errorf("the engine registered: %v, want %v; events since: %v", registered, c.registers, w.types()[before:])
			}
		})
	}
}
