package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/spanway/spanway/pkg/events"
)

const root = "../.."

// What is committed is what would be written.
func TestDocumentsAreUpToDate(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date (%v): run make generate", path, err)
		}
	}
}

// Every golden fixture in JSON, of today and of older releases, satisfies the
// schema of its type.
func TestFixturesSatisfyTheirSchemas(t *testing.T) {
	t.Parallel()
	types, err := catalogue(root)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for _, e := range types {
		schema, err := compiler.Compile(filepath.Join(root, "docs", e.schema))
		if err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(root, "pkg/events/testdata/golden/*", string(e.typ)+".json.txt"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("fixtures of %s: %d, %v", e.typ, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, data, _ := bytes.Cut(text, []byte("\n\n"))
			if err := schema.Validate(instance(t, data)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		refusesAndAllows(t, e, schema)
	}
}

// refusesAndAllows: a schema that lets everything pass would prove nothing. An
// unknown field passes only where a reader ignores it.
func refusesAndAllows(t *testing.T, e entry, schema *jsonschema.Schema) {
	t.Helper()
	k := events.KindOf(e.typ)
	strict := k == events.Command || k == events.Report
	var data map[string]any
	if err := json.Unmarshal(e.example, &data); err != nil {
		t.Fatal(err)
	}
	data["fieldOfALaterRelease"] = true
	if err := schema.Validate(data); (err != nil) != strict {
		t.Errorf("%s with an unknown field: %v; refused is it by its reader: %v", e.typ, err, strict)
	}
	delete(data, "fieldOfALaterRelease")
	for name := range data {
		if name != "payloadJson" { // The only field that may be anything.
			data[name] = []any{map[string]any{"neither": "this", "nor": "that"}}
		}
	}
	if schema.Validate(data) == nil {
		t.Errorf("%s: its schema lets nonsense pass", e.typ)
	}
}

// Every field says what it is, in its comment; of those that recur the document
// says it once.
func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	types, err := catalogue(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range types {
		text, err := os.ReadFile(filepath.Join(root, "docs", e.schema))
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Defs map[string]struct {
				Properties map[string]struct{ Description string }
			} `json:"$defs"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		for message, s := range schema.Defs {
			for name, p := range s.Properties {
				if p.Description == "" && !strings.Contains(intro, "`"+name+"`") {
					t.Errorf("%s.%s has no description: write a comment above it in its .proto file", message, name)
				}
			}
		}
	}
}

// The AsyncAPI document has every type and every topic as they are, and all that
// it refers to is there.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Channels map[string]struct {
			Address  string
			Messages map[string]any
			Bindings struct {
				Kafka struct {
					Topic      string
					Partitions int32
				}
			}
		}
		Operations map[string]any
		Components struct {
			Messages map[string]struct {
				Name    string
				Payload map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	partitions, carried := map[string]int32{}, map[string]bool{}
	for name, c := range doc.Channels {
		if c.Bindings.Kafka.Topic != c.Address {
			t.Errorf("channel %s of %s is bound to %s", name, c.Address, c.Bindings.Kafka.Topic)
		}
		partitions[c.Address] = c.Bindings.Kafka.Partitions
		for m := range c.Messages {
			carried[doc.Components.Messages[m].Name] = true
		}
	}
	for _, spec := range events.Specs(documented()) {
		if partitions[spec.Name] != spec.Partitions {
			t.Errorf("%s has %d partitions, and in the document %d", spec.Name, spec.Partitions, partitions[spec.Name])
		}
	}
	if len(partitions) != len(events.Specs(documented())) || len(doc.Operations) == 0 {
		t.Errorf("%d channels for %d topics, %d operations", len(partitions), len(events.Specs(documented())), len(doc.Operations))
	}
	for _, typ := range events.Types() {
		if !carried[string(typ)] {
			t.Errorf("%s is on no channel", typ)
		}
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	if n := resolve(t, tree, tree); n < len(events.Types()) {
		t.Errorf("%d references were followed", n)
	}
}

// resolve follows every reference below at, and counts them.
func resolve(t *testing.T, doc, at any) (n int) {
	t.Helper()
	switch v := at.(type) {
	case []any:
		for _, e := range v {
			n += resolve(t, doc, e)
		}
	case map[string]any:
		if to, ok := v["$ref"].(string); ok {
			if err := follow(doc, to); err != nil {
				t.Errorf("%s: %v", to, err)
			}
			n++
		}
		for _, e := range v {
			n += resolve(t, doc, e)
		}
	}
	return n
}

func follow(doc any, to string) error {
	inside, ok := strings.CutPrefix(to, "#/")
	if !ok {
		_, err := os.Stat(filepath.Join(root, "docs", to))
		return err
	}
	for name := range strings.SplitSeq(inside, "/") {
		m, _ := doc.(map[string]any)
		if doc, ok = m[name]; !ok {
			return fmt.Errorf("there is no %s", name)
		}
	}
	return nil
}

func instance(t *testing.T, data []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
