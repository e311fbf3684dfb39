package replay

import (
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// maxEngines bounds a fleet.
const maxEngines = 10_000

// Fleet is a set of engines that are there from the beginning to the end.
type Fleet struct{ groups []engineGroup }

// engineGroup is an engine, or several alike.
type engineGroup struct {
	// ID of the one, or the beginning of the IDs of several: ID-1, ID-2, ...
	ID    string `json:"id"`
	Count *int   `json:"count"`
	Site  string `json:"site"`
	// Node is the host; several that are alike share it.
	Node        string         `json:"node"`
	Labels      map[string]any `json:"labels"`
	Allocatable amounts        `json:"allocatable"`
	// Kinds that it handles; all that the record asks for if absent.
	Kinds   *[]string `json:"kinds"`
	Accepts string    `json:"accepts"`

	// What `engine list -o json` prints besides, so that its output can be used.
	Pool         any `json:"pool"`
	State        any `json:"state"`
	Reason       any `json:"reason"`
	Incarnation  any `json:"incarnation"`
	Reserved     any `json:"reserved"`
	Used         any `json:"used"`
	Headroom     any `json:"headroom"`
	Running      any `json:"running"`
	RegisteredAt any `json:"registered_at"`
	ChangedAt    any `json:"changed_at"`
	AsOf         any `json:"as_of"`
}

// ParseFleet reads a list of engines in YAML or JSON, or the objects that
// `engine list -o json` prints.
func ParseFleet(data []byte) (*Fleet, error) {
	groups, err := decodeStream[engineGroup](data)
	if err != nil {
		return nil, fmt.Errorf("read the engines: %w", err)
	}
	total := 0
	for i, g := range groups {
		n := 1
		if g.Count != nil {
			n = *g.Count
		}
		switch {
		case g.ID == "":
			return nil, fmt.Errorf("engine %d of the list has no id", i+1)
		case n < 0 || n > maxEngines:
			return nil, fmt.Errorf("engine %q: count is %d; it goes from 0 to %d", g.ID, n, maxEngines)
		}
		if total += n; total > maxEngines {
			return nil, fmt.Errorf("more than %d engines", maxEngines)
		}
		if _, err := structpb.NewStruct(g.Labels); err != nil {
			return nil, fmt.Errorf("engine %q: labels: %w", g.ID, err)
		}
	}
	return &Fleet{groups}, nil
}

// expand makes the engines as they would register.
func (f *Fleet) expand(rec *Recording) ([]*events.Engine, error) {
	var out []*events.Engine
	seen := make(map[string]bool)
	for _, g := range f.groups {
		labels, err := structpb.NewStruct(g.Labels)
		if err != nil {
			return nil, fmt.Errorf("engine %q: labels: %w", g.ID, err)
		}
		kinds := rec.kinds()
		if g.Kinds != nil {
			kinds = *g.Kinds
		}
		for i := range g.size() {
			id := g.ID
			if g.Count != nil {
				id = fmt.Sprintf("%s-%d", g.ID, i+1)
			}
			if seen[id] {
				return nil, fmt.Errorf("engine %q is there twice", id)
			}
			seen[id] = true
			out = append(out, &events.Engine{
				Id: id, Incarnation: "replay", Pool: string(rec.Pool), Site: g.Site, Node: g.Node, Labels: labels.Fields,
				Allocatable: g.Allocatable.plain(), Kinds: kinds, Accepts: g.Accepts,
				AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
			})
		}
	}
	return out, nil
}

func (g *engineGroup) size() int {
	if g.Count == nil {
		return 1
	}
	return *g.Count
}
