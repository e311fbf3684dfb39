package cli

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// FieldDiff is what becomes of a field, as -o json prints it; the names are stable. One that was
// not there has no Before, and one that is not there any more no After.
type FieldDiff struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Differences are the fields by which two objects of JSON differ, sorted; either may be nil. A
// field within others is named as segment.cidr; a list, and an object without fields, is one.
func Differences(before, after json.RawMessage) []FieldDiff {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	flatten(before, "", was)
	flatten(after, "", is)
	both := maps.Clone(was)
	maps.Copy(both, is)
	differ := []FieldDiff{}
	for _, field := range slices.Sorted(maps.Keys(both)) {
		if string(was[field]) != string(is[field]) {
			differ = append(differ, FieldDiff{field, was[field], is[field]})
		}
	}
	return differ
}

func flatten(b json.RawMessage, in string, into map[string]json.RawMessage) {
	if b == nil {
		return
	}
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

// Difference prints what becomes of a field.
func (a *App) Difference(f FieldDiff) error {
	switch {
	case f.Before == nil:
		return a.Printf("  %s %s: %s\n", a.Colour(render.Green, "+"), f.Field, string(f.After))
	case f.After == nil:
		return a.Printf("  %s %s: %s\n", a.Colour(render.Red, "-"), f.Field, string(f.Before))
	}
	return a.Printf("  %s %s: %s -> %s\n", a.Colour(render.Yellow, "~"), f.Field, string(f.Before), string(f.After))
}
