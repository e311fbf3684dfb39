package document

import (
	"fmt"
	"reflect"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
)

// walk compares a document with the type that it is read into.
type walk struct {
	left     int // how many nodes may come yet
	depth    int
	mistakes []Mistake
	quiet    bool // no value is quoted
}

// toBe is what the text of a mistake begins with if a value is of another type than it is to be.
const toBe = "is to be "

// noField is what it begins with if there is no field of that name.
const noField = "there is no such field"

// bareType is a type without pointers.
func bareType(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func (w *walk) wrong(node *yaml3.Node, path, format string, args ...any) {
	w.mistakes = append(w.mistakes, Mistake{node.Line, node.Column, path, fmt.Sprintf(format, args...)})
}

// check compares a node with a type. What the type leaves open is not looked into but for
// numbers that are not clear.
func (w *walk) check(node *yaml3.Node, t reflect.Type, path string) {
	if w.left <= 0 {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	if w.left--; w.left == 0 || w.depth > deepest {
		w.left = 0
		w.wrong(node, "", "with its aliases resolved it has more than %d values, or is nested more than %d deep: write it without anchors", most, deepest)
		return
	}
	t = bareType(t)
	switch node.Kind {
	case yaml3.MappingNode:
		w.mapping(node, t, path)
	case yaml3.SequenceNode:
		w.sequence(node, t, path)
	default:
		w.scalar(node, t, path)
	}
}

// open tells whether a type takes anything, such as any and json.RawMessage.
func open(t reflect.Type) bool {
	return t == nil || t.Kind() == reflect.Interface || t.Implements(decoder) || reflect.PointerTo(t).Implements(decoder)
}

var decoder = reflect.TypeFor[interface{ UnmarshalJSON(data []byte) error }]()

func (w *walk) mapping(node *yaml3.Node, t reflect.Type, path string) {
	free := open(t)
	if !free && t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		w.wrong(node, path, toBe+"%s, and has fields", named(t))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		below := strings.TrimPrefix(path+"."+key.Value, ".")
		of := reflect.Type(nil)
		switch {
		case key.Kind != yaml3.ScalarNode || key.Tag == "!!merge":
			w.wrong(key, path, "the name of a field is to be plain text")
			continue
		case seen[key.Value]:
			w.wrong(key, below, "is given twice")
			continue
		case free:
		case t.Kind() == reflect.Map:
			of = t.Elem()
		default:
			field, ok := fieldOf(t, key.Value)
			if !ok {
				w.wrong(key, below, noField+"; there are %s", strings.Join(fieldsOf(t), ", "))
				continue
			}
			of = field
		}
		seen[key.Value] = true
		w.check(resolved(node, i+1), of, below)
	}
}

func (w *walk) sequence(node *yaml3.Node, t reflect.Type, path string) {
	of := reflect.Type(nil)
	if !open(t) {
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			w.wrong(node, path, toBe+"%s, and is a list", named(t))
			return
		}
		of = t.Elem()
	}
	for i := range node.Content {
		w.check(resolved(node, i), of, fmt.Sprintf("%s[%d]", path, i))
	}
}

// resolved is a child of a node. An alias is replaced by what it names, which may stand in
// another part of the file.
func resolved(node *yaml3.Node, i int) *yaml3.Node {
	if node.Content[i].Kind == yaml3.AliasNode {
		node.Content[i] = node.Content[i].Alias
	}
	return node.Content[i]
}

// scalar checks text, numbers, Booleans and null.
func (w *walk) scalar(node *yaml3.Node, t reflect.Type, path string) {
	if err := check(node); err != nil {
		w.wrong(node, path, "a number has leading zeros, a base or underscores, or is too large to be exact: write it as a plain integer, or in quotes if it is text")
		return
	}
	if open(t) || node.Tag == "!!null" {
		return
	}
	text := node.Tag == "!!str" || node.Tag == "!!timestamp" || quote(&yaml3.Node{Kind: node.Kind, Style: node.Style, Value: node.Value})
	fits := false
	switch t.Kind() {
	case reflect.String:
		fits = text
	case reflect.Bool:
		fits = node.Tag == "!!bool" && !text
	case reflect.Float32, reflect.Float64:
		fits = node.Tag == "!!float" || node.Tag == "!!int"
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
	default:
		fits = node.Tag == "!!int" && node.Decode(reflect.New(t).Interface()) == nil
	}
	switch {
	case fits:
	case w.quiet:
		w.wrong(node, path, toBe+"%s", named(t))
	default:
		w.wrong(node, path, toBe+"%s, and is %.40q", named(t), node.Value)
	}
}

// named is how a type is called to those who write documents.
func named(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text (a number that is meant as text stands in quotes)"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct:
		return "an object with fields (" + strings.Join(fieldsOf(t), ", ") + ")"
	case reflect.Map:
		return "an object with fields"
	}
	if t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uintptr {
		return fmt.Sprintf("a whole number of %d bits, 0 at least", t.Bits())
	}
	return fmt.Sprintf("a whole number of %d bits", t.Bits())
}

// fieldOf is the type of a struct's field by its JSON name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for _, f := range reflect.VisibleFields(t) {
		if nameOf(f) == name && name != "" {
			return f.Type, true
		}
	}
	return nil, false
}

// fieldsOf are the JSON names of a struct's fields.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := nameOf(f); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// nameOf is the JSON name of a field; empty if it has none.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if !f.IsExported() || f.Anonymous || name == "-" {
		return ""
	}
	return name
}
