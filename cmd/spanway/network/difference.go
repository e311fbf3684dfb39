package network

import (
	"encoding/json"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/events"
)

// diff is what becomes of an object, as -o json prints it; the names are stable.
type diff struct {
	Path   string          `json:"path"`
	Change string          `json:"change"`
	Fields []cli.FieldDiff `json:"fields"`
}

// difference compares two objects; either may be nil.
func difference(path string, before, after *events.NetworkObject) diff {
	fields := cli.Differences(asJSON(before), asJSON(after))
	fields = slices.DeleteFunc(fields, func(f cli.FieldDiff) bool { return f.Field == "path" })
	d := diff{Path: path, Change: changed, Fields: fields}
	switch {
	case before == nil:
		d.Change = created
	case after == nil:
		d.Change = deleted
	case len(d.Fields) == 0:
		d.Change = unchanged
	}
	return d
}

// asJSON is an object in JSON; nil if there is none.
func asJSON(o *events.NetworkObject) json.RawMessage {
	if o == nil {
		return nil
	}
	b, _ := events.MarshalJSON(o) // It was read from JSON, or from the log.
	return b
}

// colours of what becomes of something.
var colours = map[string]string{created: render.Green, changed: render.Yellow, deleted: render.Red}

// print prints what is or would be changed, with its fields or without.
func (d diff) print(a *cli.App, fields bool) error {
	err := a.Printf("%s %s\n", a.Colour(colours[d.Change], d.Change), d.Path)
	if err != nil || !fields {
		return err
	}
	for _, f := range d.Fields {
		if err := a.Difference(f); err != nil {
			return err
		}
	}
	return nil
}
