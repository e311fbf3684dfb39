// Package document reads the files that people write: one YAML or JSON document each.
// A file with several is refused whole, because reading the first alone would drop the
// others silently.
package document

import (
	"bytes"
	"cmp"
	"errors"
	"io"

	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// errSeveral quotes nothing of the file, which may hold a secret.
var errSeveral = errors.New("it holds more than one YAML document; give one file for each")

// bom is the byte order mark that some editors write first.
var bom = []byte("\ufeff")

// Decode reads the one document in data into v, by the JSON names of its fields. A
// field that v does not have, or that is given twice, is refused, and so is a second
// document. An empty one leaves v as it is.
func Decode(data []byte, v any) error {
	data = bytes.TrimPrefix(data, bom)
	broken := single(data)
	if errors.Is(broken, errSeveral) {
		return broken
	}
	// Its errors name fields; but it reads no further than the first document.
	return cmp.Or(yaml.UnmarshalStrict(data, v, yaml.DisallowUnknownFields), broken)
}

// single is why data is not one document.
func single(data []byte) error {
	d := yaml3.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var node yaml3.Node
		switch err := d.Decode(&node); {
		case errors.Is(err, io.EOF):
			return nil
		case n > 0 && (err != nil || !empty(&node)):
			return errSeveral
		case err != nil:
			return err
		}
	}
}

// empty tells whether nothing stands between two marks, as behind a last "---".
func empty(node *yaml3.Node) bool {
	return len(node.Content) == 0 || len(node.Content) == 1 && node.Content[0].Tag == "!!null"
}
