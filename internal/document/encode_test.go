package document_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/document"
)

// What is written is read as the same, in the order of its fields, whatever a text looks like.
func TestWhatIsWrittenIsRead(t *testing.T) {
	type written struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels,omitempty"`
		List   []string          `json:"list,omitempty"`
		Number int               `json:"number"`
		Empty  *struct{}         `json:"empty,omitempty"`
	}
	in := written{
		Name: "web", Labels: map[string]string{"a": "yes", "b": "01234", "c": "1", "d": "", "e": "true", "f": "null", "no": "1_0"},
		List: []string{"10.0.0.0/8", "a: b", "# no", "- x", "one\ntwo", "1:20", "0x1F", "\u202e"}, Number: 7, Empty: &struct{}{},
	}
	b, err := document.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	var out written
	if err := document.Decode(b, &out); err != nil {
		t.Fatalf("%v of\n%s", err, b)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("it is read otherwise (-written +read):\n%s\nof\n%s", diff, b)
	}
	for _, quoted := range []string{`a: "yes"`, `"no": `, `b: "01234"`, `- "0x1F"`} { // Other readers of YAML would take them for something else.
		if !strings.Contains(string(b), quoted) {
			t.Errorf("it is written without %s:\n%s", quoted, b)
		}
	}
	if text := string(b); !strings.HasPrefix(text, "name: web\nlabels:\n") || !strings.Contains(text, "\n    - 10.0.0.0/8\n") {
		t.Errorf("it is written so:\n%s", text)
	}
}
