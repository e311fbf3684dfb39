package link

import (
	"encoding/json"

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
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Change string          `json:"change"`
	Fields []cli.FieldDiff `json:"fields"`
	DryRun bool            `json:"dry_run,omitempty"`
}

// difference compares two declarations; before is nil if there was none.
func difference(kind, name string, before, after any) diff {
	d := diff{Kind: kind, Name: name, Change: unchanged, Fields: cli.Differences(asJSON(before), asJSON(after))}
	switch {
	case before == nil:
		d.Change = added
	case len(d.Fields) > 0:
		d.Change = changed
	}
	return d
}

// asJSON is a declaration in JSON; nil if there is none.
func asJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, _ := json.Marshal(v) // Texts, numbers and lists of them.
	return b
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
		if err := a.Difference(f); err != nil {
			return err
		}
	}
	return nil
}
