// Package managertest plays scenarios of the cores of managers, for their tests.
package managertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Play plays testdata/*.txt, each with a run of its own. A scenario is a list of commands,
// each followed by ---- and, indented, what happened. Lines that begin with # are comments.
// Change a golden line only if you understand why it changed.
func Play(t *testing.T, rewrite bool, start func(t *testing.T) (run func(command, rest string) string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(string(text), start(t))
			if rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("%s: what happened differs; go test -run Scenarios -rewrite, then look at the difference\n%s", file, got)
			}
		})
	}
}

func play(text string, run func(command, rest string) string) string {
	var file strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "----" || strings.HasPrefix(line, "  "): // What happened last time.
		case line == "" || strings.HasPrefix(line, "#"):
			file.WriteString(line + "\n")
		default:
			command, rest, _ := strings.Cut(line, " ")
			file.WriteString(line + "\n----\n")
			for out := range strings.Lines(run(command, rest)) {
				file.WriteString("  " + out)
			}
		}
	}
	return file.String()
}

// Show writes a message on one line: its type and its fields.
func Show(m proto.Message) string {
	name := strings.TrimSuffix(strings.TrimPrefix(string(events.TypeOf(m)), "spanway.network."), ".v1")
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Sprintf("%s: %v\n", name, err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil { // What protojson writes differs in spaces.
		return fmt.Sprintf("%s: %v\n", name, err)
	}
	return fmt.Sprintf("%s %s\n", name, b.String())
}

// Read reads the fields of a message of a type such as change_requested.
func Read(t testing.TB, name, fields string) proto.Message {
	t.Helper()
	m := events.New(events.Type("spanway.network." + name + ".v1"))
	if m == nil {
		t.Fatalf("there is no type %q", name)
	}
	if fields == "" {
		fields = "{}"
	}
	if err := protojson.Unmarshal([]byte(fields), m); err != nil {
		t.Fatalf("read %s %s: %v", name, fields, err)
	}
	return m
}
