package network

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/events"
)

// diff is what becomes of an object, as -o json prints it; the names are stable.
type diff struct {
	Path   string      `json:"path"`
	Change string      `json:"change"`
	Fields []fieldDiff `json:"fields"`
}

// fieldDiff is what becomes of a field; one that was not there has no Before, and one that
// is not there any more no After.
type fieldDiff struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// difference compares two objects; either may be nil.
func difference(path string, before, after *events.NetworkObject) diff {
	d := diff{Path: path, Change: changed, Fields: []fieldDiff{}}
	was, is := flat(before), flat(after)
	both := maps.Clone(was)
	maps.Copy(both, is)
	for _, field := range slices.Sorted(maps.Keys(both)) {
		if string(was[field]) != string(is[field]) {
			d.Fields = append(d.Fields, fieldDiff{field, was[field], is[field]})
		}
	}
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

// flat gives each field of an object its name in JSON, those within others as segment.cidr. Lists
// are one field.
func flat(o *events.NetworkObject) map[string]json.RawMessage {
	into := map[string]json.RawMessage{}
	if o == nil {
		return into
	}
	b, err := events.MarshalJSON(o)
	if err == nil {
		flatten(b, "", into)
	}
	delete(into, "path")
	return into
}

func flatten(b json.RawMessage, in string, into map[string]json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil || len(fields) == 0 {
		into[in] = b
		return
	}
	for name, value := range fields {
		if in != "" {
			name = in + "." + name
		}
		flatten(value, name, into)
	}
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
		if err := printField(a, f); err != nil {
			return err
		}
	}
	return nil
}

func printField(a *cli.App, f fieldDiff) error {
	switch {
	case f.Before == nil:
		return a.Printf("  %s %s: %s\n", a.Colour(render.Green, "+"), f.Field, string(f.After))
	case f.After == nil:
		return a.Printf("  %s %s: %s\n", a.Colour(render.Red, "-"), f.Field, string(f.Before))
	}
	return a.Printf("  %s %s: %s -> %s\n", a.Colour(render.Yellow, "~"), f.Field, string(f.Before), string(f.After))
}
