package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
)

// most is how many nodes a document may have with its aliases resolved, and deepest how far
// they may be nested: a few lines of anchors can stand for billions of values, and one that
// names itself for a list without an end.
const (
	most    = 200_000
	deepest = 64
)

// Mistake is what is wrong at one place of a document.
type Mistake struct {
	Line, Column int    // from 1; 0 if the place is not known
	Path         string // of the field, such as spec.span.sites[0]; empty for the document
	Text         string
}

// Error implements error.
func (m Mistake) Error() string {
	text := m.Text
	if m.Path != "" {
		text = m.Path + ": " + text
	}
	if m.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, text)
}

// Part is one document of a file that holds several.
type Part struct {
	node *yaml3.Node
}

// All reads the documents of a file that may hold several, or a JSON array of them. Empty
// ones are left out. A file that is no YAML is refused whole.
func All(data []byte) ([]Part, error) {
	d := yaml3.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, bom)))
	var all []Part
	for {
		var node yaml3.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if empty(&node) {
			continue
		}
		root := node.Content[0]
		if root.Kind != yaml3.SequenceNode {
			all = append(all, Part{root})
			continue
		}
		for i := range root.Content {
			all = append(all, Part{resolved(root, i)})
		}
	}
}

// Line is where the part begins in its file, from 1.
func (p Part) Line() int { return p.node.Line }

// Decode reads the part into v by the JSON names of its fields, as the function Decode
// does, and tells of every mistake that it finds. v is to be ignored if there are any.
func (p Part) Decode(v any) []Mistake {
	w := walk{left: most}
	w.check(p.node, reflect.TypeOf(v), "")
	if len(w.mistakes) > 0 {
		return w.mistakes
	}
	data, err := yaml3.Marshal(p.node)
	if err == nil {
		err = Decode(data, v)
	}
	if err == nil {
		return nil
	}
	return []Mistake{p.Mistake("", err.Error())}
}

// Mistake is one at a path such as spec.span.sites[0]; where that is not in the part, at
// the deepest of what contains it that is.
func (p Part) Mistake(path, text string) Mistake {
	at := p.node
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(at, step)
		if next == nil {
			break
		}
		at = next
	}
	return Mistake{at.Line, at.Column, path, text}
}

// Text is what stands under a key of the part, if that is one value; else it is empty. It may be
// asked of a part that does not fit, too.
func (p Part) Text(key string) string {
	if n := child(p.node, key); n != nil && n.Kind == yaml3.ScalarNode {
		return n.Value
	}
	return ""
}

// child is what stands under a key or at an index of a node; nil if nothing does.
func child(node *yaml3.Node, step string) *yaml3.Node {
	if node.Kind == yaml3.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml3.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i]
		}
		return nil
	}
	for i := 0; node.Kind == yaml3.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == step {
			return node.Content[i+1]
		}
	}
	return nil
}
