package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type base struct {
	Kind string `json:"kind"`
}

type sample struct {
	base
	Path   string            `json:"path"`
	Port   uint16            `json:"port,omitempty"`
	Ratio  float64           `json:"ratio,omitempty"`
	On     bool              `json:"on,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Span   *struct {
		Sites []string `json:"sites"`
	} `json:"span,omitempty"`
	Spec json.RawMessage `json:"spec,omitempty"`
}

// mistakes decodes all parts of a text.
func mistakes(t *testing.T, text string) (all []string, read []sample) {
	t.Helper()
	for _, p := range parts(t, text) {
		var s sample
		for _, m := range p.Decode(&s) {
			all = append(all, m.Error())
		}
		read = append(read, s)
	}
	return all, read
}

func parts(t *testing.T, text string) []Part {
	t.Helper()
	all, err := All([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same compares what was read with what is wanted.
func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAll(t *testing.T) {
	wrong, read := mistakes(t, "kind: a\npath: /x\n---\n# nothing\n---\n{\"kind\": \"b\", \"span\": {\"sites\": [\"on\", no]}}\n")
	if len(wrong) > 0 || len(read) != 2 {
		t.Fatal(wrong, read)
	}
	same(t, "/x", read[0].Path)
	same(t, []string{"on", "no"}, read[1].Span.Sites)

	_, read = mistakes(t, `[{"kind": "a"}, {"kind": "b", "spec": {"free": [1, null]}}]`)
	if len(read) != 2 {
		t.Fatal(read)
	}
	same(t, `{"free":[1,null]}`, string(read[1].Spec))
	same(t, 3, parts(t, "a: 1\n---\nb: 2\n")[1].Line())
	if _, err := All([]byte("a: [1\n")); err == nil || !strings.Contains(err.Error(), "line ") {
		t.Error(err)
	}
}

func TestEveryMistakeHasItsPlace(t *testing.T) {
	wrong, _ := mistakes(t, `kind: 7
pth: /x
port: 70000
ratio: much
on: yes
labels:
  a: b
  a: c
  n: 1
span:
  sites: ams
---
kind: k
span:
  sites: [ams, {}]
  extra: 1
spec:
  x: 017
path:
  - no
`)
	same(t, []string{
		`line 1, column 7: kind: is to be text (a number that is meant as text stands in quotes), and is "7"`,
		`line 2, column 1: pth: there is no such field; there are kind, path, port, ratio, on, labels, span, spec`,
		`line 3, column 7: port: is to be a whole number of 16 bits, 0 at least, and is "70000"`,
		`line 4, column 8: ratio: is to be a number, and is "much"`,
		`line 5, column 5: on: is to be true or false, and is "yes"`,
		`line 8, column 3: labels.a: is given twice`,
		`line 9, column 6: labels.n: is to be text (a number that is meant as text stands in quotes), and is "1"`,
		`line 11, column 10: span.sites: is to be a list, and is "ams"`,
		`line 15, column 16: span.sites[1]: is to be text (a number that is meant as text stands in quotes), and has fields`,
		`line 16, column 3: span.extra: there is no such field; there are sites`,
		`line 18, column 6: spec.x: a number has leading zeros, a base or underscores, or is too large to be exact: write it as a plain integer, or in quotes if it is text`,
		`line 20, column 3: path: is to be text (a number that is meant as text stands in quotes), and is a list`,
	}, wrong)
}

func TestAMistakeIsFoundByItsPath(t *testing.T) {
	part := parts(t, "kind: k\nspan:\n  sites:\n    - ams\n    - fra\n")[0]
	same(t, "line 5, column 7: span.sites[1]: unknown", part.Mistake("span.sites[1]", "unknown").Error())
	same(t, "line 3, column 3: span.other.x: unknown", part.Mistake("span.other.x", "unknown").Error())
	same(t, "line 1, column 1: unknown", part.Mistake("", "unknown").Error())
}

func TestAnchors(t *testing.T) {
	wrong, read := mistakes(t, "kind: &k segment\npath: *k\n")
	same(t, 0, len(wrong))
	same(t, "segment", read[0].Path)

	wrong, read = mistakes(t, "- kind: &k segment\n- kind: *k\n")
	same(t, 0, len(wrong))
	same(t, "segment", read[1].Kind)

	bomb := "kind: k\nspec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("  a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	wrong, _ = mistakes(t, bomb)
	if len(wrong) != 1 || !strings.Contains(wrong[0], "write it without anchors") {
		t.Error(wrong)
	}

	wrong, _ = mistakes(t, "kind: k\nspec: &x [*x]\n")
	if len(wrong) != 1 || !strings.Contains(wrong[0], "write it without anchors") {
		t.Error(wrong)
	}
}

func FuzzAll(f *testing.F) {
	f.Add([]byte("kind: k\n---\n[1, {a: b}]\n"))
	f.Add([]byte("? [a]\n: b\n<<: *x\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		parts, _ := All(data)
		for _, p := range parts {
			p.Decode(&sample{})
			p.Mistake("a.b[3]", "x")
		}
	})
}
