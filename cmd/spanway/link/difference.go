package link

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
)

// What becomes of a declaration.
const (
	added     = "added"
	changed   = "changed"
	unchanged = "unchanged"
)

// diff is what a declaration changes, as -o json prints it; the names are stable.
type diff struct {
	Kind   string      `json:"kind"`
	Name   string      `json:"name"`
	Change string      `json:"change"`
	Fields []fieldDiff `json:"fields"`
	DryRun bool        `json:"dry_run,omitempty"`
}

// fieldDiff is what becomes of a field; one that was not there has no Before, and one that
// is not there any more no After.
type fieldDiff struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// difference compares two declarations; before is nil if there was none.
func difference(kind, name string, before, after any) diff {
	d := diff{Kind: kind, Name: name, Change: unchanged, Fields: []fieldDiff{}}
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if before != nil {
		flatten(before, "", was)
	}
	flatten(after, "", is)
	both := maps.Clone(was)
	maps.Copy(both, is)
	for _, field := range slices.Sorted(maps.Keys(both)) {
		if string(was[field]) != string(is[field]) {
			d.Fields = append(d.Fields, fieldDiff{field, was[field], is[field]})
		}
	}
	switch {
	case before == nil:
		d.Change = added
	case len(d.Fields) > 0:
		d.Change = changed
	}
	return d
}

// flatten gives each field its name in JSON; those of objects as object.field.
func flatten(v any, in string, into map[string]json.RawMessage) {
	b, _ := json.Marshal(v) // Texts, numbers and lists of them.
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
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

// print prints what is or would be changed.
func (d diff) print(a *cli.App, dryRun bool) error {
	d.DryRun = dryRun
	if a.JSON() {
		return a.Object(d)
	}
	would := ""
	if dryRun && d.Change != unchanged {
		would = "would be "
	}
	if err := a.Printf("%s %s %s%s\n", d.Kind, a.Colour(render.Bold, d.Name), would, d.Change); err != nil {
		return err
	}
	for _, f := range d.Fields {
		if d.Change == added && f.Field == "name" {
			continue
		}
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
