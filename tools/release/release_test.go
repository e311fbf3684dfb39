package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is that of CycloneDX, as its library has it.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	folder := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(name, err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+strings.Replace(name, "schemax", "schema", 1), document); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The binary of this test has dependencies, too.
func TestBOMIsValid(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := bom(binary, "v1.2.3", time.Unix(1, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	schema := schema(t)
	for _, test := range []struct {
		text  []byte
		valid bool
	}{{text, true}, {bytes.Replace(text, []byte(`"library"`), []byte(`"program"`), 1), false}} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(test.text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); (err == nil) != test.valid {
			t.Errorf("%v, want valid: %v\n%s", err, test.valid, test.text)
		}
	}
	for _, want := range []string{"pkg:golang/github.com/spanway/spanway/tools/release@v1.2.3", "pkg:golang/github.com/CycloneDX/cyclonedx-go@v", `"h1:`, "pkg:golang/std@1."} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

// What is in an archive is what is given, and nothing of when or where it was made.
func TestArchivesAreTheSame(t *testing.T) {
	files := []file{{"spanway", bytes.Repeat([]byte("binary"), 1000), true}, {"LICENSE", []byte("text"), false}}
	for _, pack := range []func(string, []file, time.Time) ([]byte, error){packTar, packZip} {
		at := time.Unix(1_700_000_000, 0)
		one, err := pack("spanway_v1", files, at.UTC())
		if err != nil {
			t.Fatal(err)
		}
		two, err := pack("spanway_v1", files, at.UTC())
		if err != nil || !bytes.Equal(one, two) {
			t.Error("two archives of the same differ", err)
		}
		if other, _ := pack("spanway_v1", files, at.Add(time.Hour).UTC()); bytes.Equal(one, other) {
			t.Error("the time that is given is not in the archive")
		}
	}
}
