package engine

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// Text that is cut at a bound is cut between characters and stays text: what a
// command writes, how it complains, and what a server answers.
func TestTextThatIsCutStaysText(t *testing.T) {
	text := strings.Repeat("€", events.MaxPayloadBytes/3+10) // Three bytes each: no bound is a multiple.
	for _, pieces := range []int{1, 7, 64 << 10, len(text)} {
		out, complaint := &head{max: maxOutput}, &tail{max: maxComplaint}
		for b := []byte(text); len(b) > 0; b = b[min(pieces, len(b)):] {
			out.Write(b[:min(pieces, len(b))])
			complaint.Write(b[:min(pieces, len(b))])
		}
		if got := out.beginning(); !out.cut || !utf8.Valid(got) || len(got) > maxOutput || len(got) < maxOutput-2 {
			t.Errorf("in pieces of %d: %d bytes of output are kept, text: %v", pieces, len(got), utf8.Valid(got))
		}
		if got := complaint.String(); strings.Contains(got, "\uFFFD") || !strings.HasSuffix(got, "€€") {
			t.Errorf("in pieces of %d the complaint is %q", pieces, got)
		}
	}
	whole := &head{max: maxOutput}
	whole.Write(bytes.Repeat([]byte("x"), maxOutput))
	if whole.cut || len(whole.beginning()) != maxOutput {
		t.Error("what fits is cut")
	}
	a := answer{content: []byte("x" + text)}
	if got := a.beginning(); strings.Contains(got, "\uFFFD") || !strings.HasSuffix(got, "€ …") {
		t.Errorf("the beginning of an answer ends in %q", got[len(got)-9:])
	}
	r := &http.Response{Header: http.Header{"Location": {"/" + text}}, Body: http.NoBody}
	if got, err := readAnswer(r); err != nil || strings.Contains(got.Headers["location"], "\uFFFD") {
		t.Errorf("a header is %q (%v)", got.Headers["location"], err)
	}
}

// The result of a command that writes more text than fits is still text.
func TestResultOfTextThatIsCut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(strings.Repeat("€", events.MaxPayloadBytes)), 0o600); err != nil {
		t.Fatal(err)
	}
	x := &executor{allowed: allowed{"cat": {path: "/bin/cat", any: true}}, path: os.Getenv("PATH")}
	task := &engine.Task{Payload: []byte(`{"command":["cat","` + file + `"]}`)}
	got, err := x.run(t.Context(), task)
	if err != nil || !utf8.Valid(got) || task.ResultType != typeText+truncated {
		t.Errorf("%d bytes of type %q, text: %v (%v)", len(got), task.ResultType, utf8.Valid(got), err)
	}
}
