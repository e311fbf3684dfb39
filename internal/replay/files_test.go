package replay

import (
	"strings"
	"testing"
)

func TestFilesAreChecked(t *testing.T) {
	for text, says := range map[string]string{
		"- {id: e, count: 10001}":                        "count is 10001",
		"- {id: e, count: -1}":                           "count is -1",
		"- {id: a, count: 9999}\n- {id: b, count: 9999}": "more than 10000 engines",
		"- {count: 3}":                                   "has no id",
		"- {id: e, slots: 3}":                            "unknown field",
		"- {id: e, allocatable: {slots: -1}}":            "no amount",
		"- {id: e, allocatable: {slots: 1.5}}":           "no amount",
		"- {id: e, id: f}":                               "already",
		"engines":                                        "is to be a list",
		"\x00":                                           "read the engines",
		"- {id: e, labels: {zip: 01234}}":                "in quotes",
		"- {id: e, allocatable: {slots: 1_0}}":           "in quotes",
		"{\"id\": \"e\"}{\"id\": \"a\xff\"}":             "UTF-8",
		"- {id: \"a\xff\"}":                              "UTF-8",
		"{\"id\": \"e\", \"id\": \"f\"}":                 "twice",
		"{\"id\": \"e\"}\n{\"id\": \"f\", \"labels\": {\"a\": [{\"b\": 1, \"b\": 2}]}}": "twice",
	} {
		if f, err := ParseFleet([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("engines %q: %v, %v; want %q", text, f, err, says)
		}
	}
	for text, says := range map[string]string{
		"tenant_weights: {a: 0}":                       "weight of tenant \"a\" is 0",
		"reserve_after: soon":                          "reserve_after",
		"reserve_after: -5s":                           "reserve_after",
		"tasks: [{priority: 10}]":                      "priority is 10",
		"tasks: [{where: 'engine.site =='}]":           "BAD_PREDICATE",
		"tasks: [{and_where: '1'}]":                    "BAD_PREDICATE",
		"tasks: [{needs: {Slots: 1}}]":                 "BAD_NEEDS",
		"tasks: [{kind: a, payload: b}]":               "unknown field",
		"a: &a [1]\nb: [*a,*a]":                        "unknown field",
		strings.Repeat("#", MaxFileBytes+1):            "at most",
		"tasks: [" + strings.Repeat("{},", 1001) + "]": "more than 1000",
	} {
		if p, err := ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("policy %.60q: %v, %v; want %q", text, p, err, says)
		}
	}
	// The core refuses what the files can say and it cannot take.
	m := newMaker(t)
	m.task("t", 1, nil)
	m.run(10)
	for text, says := range map[string]string{
		"[{id: e}, {id: e}]":                           "twice",
		"- {id: e, kinds: ['']}":                       "engine.kinds is missing",
		"- {id: e, allocatable: {Slots: 1}}":           "no name of a dimension",
		"- {id: e, labels: {x: {y: 1}}}":               "label",
		"- {id: e, labels: {x: 1.5}}":                  "label",
		"- {id: \"" + strings.Repeat("e", 300) + "\"}": "300 bytes",
	} {
		f, err := ParseFleet([]byte(text))
		if err == nil {
			_, err = Run(m.record(Window{}), Scenario{Fleet: f})
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("engines %.60q: %v; want %q", text, err, says)
		}
	}
}

// TestEnginesAsListed: what `engine list -o json` prints is a fleet.
func TestEnginesAsListed(t *testing.T) {
	f, err := ParseFleet([]byte(`{"id":"a","pool":"blue","site":"eu","state":"ready","incarnation":"1","labels":{"gpu":1},"kinds":["k"],"allocatable":{"slots":2},"reserved":{},"running":0,"registered_at":"x","changed_at":"x","as_of":"x"}
{"id":"b","pool":"blue","state":"ready","incarnation":"1","labels":{},"kinds":["k"],"allocatable":{"slots":2},"reserved":{"slots":1},"running":1,"as_of":"x"}`))
	if err != nil || len(f.groups) != 2 || f.groups[0].Labels["gpu"] != 1.0 || f.groups[1].Allocatable["slots"] != 2 {
		t.Errorf("%+v, %v", f, err)
	}
}

// FuzzFiles: whatever is in a file, it is refused or can be run, soon.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"- {id: e, count: 3, allocatable: {slots: 64Mi}, labels: {a: 1, b: [x]}}", "[{id: e, count: 99999999999}]", `{"id":"a"}{"id":"b"}`,
		"tenant_weights: {a: 3}\nreserve_after: 5s\ntasks: [{kind: k, priority: 9, and_where: 'engine.site == \"eu\"', needs: {slots: 2}}]",
		"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]", "- {id: e, count: 1e9}", "- {id: e, labels: {? [1] : 2}}",
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	m := newMaker(f)
	m.engine("e1", 1, nil)
	for _, id := range []string{"a", "b"} {
		m.task(id, 5, nil)
	}
	m.run(100)
	rec := m.record(Window{})
	f.Fuzz(func(t *testing.T, engines, policy []byte) {
		var sc Scenario
		var err error
		if sc.Fleet, err = ParseFleet(engines); err != nil {
			sc.Fleet = nil
		}
		if sc.Policy, err = ParsePolicy(policy); err != nil {
			sc.Policy = nil
		}
		if sc.Fleet == nil && sc.Policy == nil {
			return
		}
		r, err := Compare(rec, sc)
		if err == nil && (r.Replay.Tasks != 2 || len(r.Replay.Engines) > maxEngines) {
			t.Errorf("%+v", r.Replay)
		}
	})
}
