// Package document reads the files that people write, in YAML or JSON. Decode reads a file
// that holds one document, and refuses one with several, because reading the first alone
// would drop the others silently. All is for files that may hold several, and tells of each
// mistake where it stands.
package document

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// plain is the style of a scalar without quotes.
const plain yaml3.Style = 0

// errSeveral quotes nothing of the file, which may hold a secret.
var errSeveral = errors.New("it holds more than one YAML document; give one file for each")

// bom is the byte order mark that some editors write first.
var bom = []byte("\ufeff")

// Decode reads the one document in data into v, by the JSON names of its fields. A
// field that v does not have, or that is given twice, is refused, and so is a second
// document. A number that versions of YAML read differently, or that would be rounded,
// is refused, because it may be meant as text, such as a postcode. Only true and false
// are Booleans: yes, no, on, off, y and n are text, as names, too. An empty document
// leaves v as it is.
func Decode(data []byte, v any) error {
	data = bytes.TrimPrefix(data, bom)
	first, broken := single(data)
	if errors.Is(broken, errSeveral) {
		return broken
	}
	if broken == nil && quote(first) {
		var err error
		if data, err = yaml3.Marshal(first); err != nil {
			return fmt.Errorf("write the document anew: %w", err)
		}
	}
	// Its errors name fields; but it reads no further than the first document.
	err := yaml.UnmarshalStrict(data, v, yaml.DisallowUnknownFields)
	if misfit := unfit(err, first, v); misfit != nil {
		return misfit
	}
	return cmp.Or(bare(err), broken)
}

// unfit tells where a field stands that is unknown, or a value that is not of the type which it is to
// be of, if err says that there is one: the reader's own words name types of Go, and no line. Of the
// file it quotes names of fields.
func unfit(err error, first *yaml3.Node, v any) error {
	if err == nil || first == nil || len(first.Content) == 0 {
		return nil
	}
	begins := toBe
	switch {
	case strings.Contains(err.Error(), "unknown field"):
		begins = noField
	case !strings.Contains(err.Error(), "cannot unmarshal"):
		return nil
	}
	w := walk{left: most, quiet: true}
	w.check(first.Content[0], reflect.TypeOf(v), "")
	for _, m := range w.mistakes {
		if others, found := strings.CutPrefix(m.Text, begins); found && begins == noField {
			m.Text = fmt.Sprintf("unknown field %q%s", m.Path[strings.LastIndex(m.Path, ".")+1:], others)
			return m
		} else if found {
			return m
		}
	}
	return nil
}

// steps are what the reader's errors begin with; nobody who has written YAML knows of them.
var steps = []string{"error converting YAML to JSON: ", "error unmarshaling JSON: ", "while decoding JSON: ", "json: "}

// bare is an error without the steps in which a document is read.
func bare(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, step := range steps {
		text = strings.TrimPrefix(text, step)
	}
	return errors.New(text)
}

// Empty tells whether a document says nothing: there is none, or it is null.
func Empty(data []byte) bool {
	var node yaml3.Node
	err := yaml3.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, bom))).Decode(&node)
	return errors.Is(err, io.EOF) || err == nil && empty(&node)
}

// truths are Booleans to YAML 1.1, which reads the document, and text to YAML 1.2.
var truths = []string{"y", "n", "yes", "no", "on", "off"}

// quote puts truths in a node in quotes, and tells whether there are any.
func quote(node *yaml3.Node) (found bool) {
	if node.Kind == yaml3.ScalarNode && node.Style == plain && slices.Contains(truths, strings.ToLower(node.Value)) {
		node.Style, found = yaml3.DoubleQuotedStyle, true
	}
	for _, child := range node.Content {
		found = quote(child) || found
	}
	return found
}

// single is the one document in data, and why there are others, or it is not a clear one.
func single(data []byte) (first *yaml3.Node, err error) {
	d := yaml3.NewDecoder(bytes.NewReader(data))
	var unclear error
	first = &yaml3.Node{}
	for n := 0; ; n++ {
		var node yaml3.Node
		switch err := d.Decode(&node); {
		case errors.Is(err, io.EOF):
			return first, unclear
		case n > 0 && (err != nil || !empty(&node)):
			return nil, errSeveral
		case err != nil:
			return nil, err
		case n == 0:
			first = &node
		}
		unclear = cmp.Or(unclear, check(&node))
	}
}

// check refuses the first number in a node that is not clear. It quotes nothing, either.
func check(node *yaml3.Node) error {
	if node.Kind == yaml3.ScalarNode && node.Style == plain && unclear(node.Value) {
		return fmt.Errorf("line %d: a number has leading zeros, a base or underscores, or is too large to be exact: write it as a plain integer, or in quotes if it is text", node.Line)
	}
	for _, child := range node.Content {
		if err := check(child); err != nil {
			return err
		}
	}
	return nil
}

// unclear tells whether a plain scalar is read as a number that its text may not mean:
// 01234 is octal in YAML 1.1 and decimal in 1.2, 1_0 is ten or text, and a float beyond
// 2^53 is rounded.
func unclear(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	bare := strings.ReplaceAll(digits, "_", "")
	f, err := strconv.ParseFloat(bare, 64)
	_, base := strconv.ParseUint(bare, 0, 64)
	if bare == "" || (bare[0] < '0' || bare[0] > '9') && bare[0] != '.' || err != nil && base != nil && !errors.Is(err, strconv.ErrRange) {
		return false // It is no number.
	}
	leading := len(bare) > 1 && bare[0] == '0' && strings.ContainsRune("0123456789oOxXbB", rune(bare[1]))
	_, whole := strconv.ParseInt(digits, 10, 64)
	return bare != digits || leading || whole != nil && math.Abs(f) >= 1<<53
}

// empty tells whether nothing stands between two marks, as behind a last "---".
func empty(node *yaml3.Node) bool {
	return len(node.Content) == 0 || len(node.Content) == 1 && node.Content[0].Tag == "!!null"
}
