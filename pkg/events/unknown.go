package events

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// unknownField names the first message within m that holds unknown fields, and
// the number of the first of them.
func unknownField(m protoreflect.Message) (at string, number protowire.Number) {
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		number, _, _ := protowire.ConsumeTag(unknown)
		return string(m.Descriptor().Name()), number
	}
	for _, fd := range messageFields(m.Descriptor()) {
		if !m.Has(fd) {
			continue
		}
		switch v := m.Get(fd); {
		case fd.IsMap():
			at, number = unknownInMap(v.Map())
		case fd.IsList():
			for i := 0; i < v.List().Len() && at == ""; i++ {
				at, number = unknownField(v.List().Get(i).Message())
			}
		default:
			at, number = unknownField(v.Message())
		}
		if at != "" {
			return at, number
		}
	}
	return "", 0
}

func unknownInMap(m protoreflect.Map) (at string, number protowire.Number) {
	m.Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
		at, number = unknownField(v.Message())
		return at == ""
	})
	return at, number
}

// fieldsWithin holds what messageFields found, by descriptor.
var fieldsWithin sync.Map

// messageFields are the fields of a message that hold messages; most have few.
func messageFields(d protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if found, ok := fieldsWithin.Load(d); ok {
		return found.([]protoreflect.FieldDescriptor)
	}
	var found []protoreflect.FieldDescriptor
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if f.IsMap() && f.MapValue().Message() != nil || !f.IsMap() && f.Message() != nil {
			found = append(found, f)
		}
	}
	fieldsWithin.Store(d, found)
	return found
}

var quoted = regexp.MustCompile(`unknown field "?([^"]*)"?`)

// unknownName refuses JSON with a field that a message does not have. It names
// those that come nearest: most such fields are misspelt.
func unknownName(text string, d protoreflect.MessageDescriptor) error {
	found := quoted.FindStringSubmatch(text)
	if found == nil {
		return Refuse(CodeUnknownField, "%s", text)
	}
	name := found[1]
	return Refuse(CodeUnknownField, "%s has no field %.100q; the nearest known are %s", d.Name(), name, strings.Join(nearest(name, fieldNames(d)), ", "))
}

// fieldNames are the JSON names of the fields of a message of ours, and of those
// within it as PARENT.CHILD.
func fieldNames(d protoreflect.MessageDescriptor) []string {
	var out []string
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		out = append(out, f.JSONName())
		within := f.Message()
		if within == nil || f.IsMap() || within.ParentFile().Package() != d.ParentFile().Package() {
			continue
		}
		for _, child := range fieldNames(within) {
			out = append(out, fmt.Sprintf("%s.%s", f.JSONName(), child))
		}
	}
	return out
}

// nearest are the three names with the fewest edits from what was written.
func nearest(written string, names []string) []string {
	written = plainName(written)
	distance := make(map[string]int, len(names))
	for _, n := range names {
		distance[n] = edits(written, plainName(n[strings.LastIndexByte(n, '.')+1:]))
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distance[a], distance[b]) })
	return names[:min(3, len(names))]
}

// plainName is a field's name without what differs between styles, and not longer
// than any field is.
func plainName(s string) string {
	return strings.ToLower(strings.ReplaceAll(s[:min(len(s), 64)], "_", ""))
}

// edits is the Levenshtein distance of a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
