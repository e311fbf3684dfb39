package engine

import (
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// head keeps the beginning of what is written to it, and takes the rest too, so
// that the writer is not held up.
type head struct {
	max  int
	kept []byte // one byte more than the beginning, if it was cut
	cut  bool
}

func (h *head) Write(b []byte) (int, error) {
	n := min(len(b), h.max+1-len(h.kept))
	h.kept = append(h.kept, b[:n]...)
	h.cut = len(h.kept) > h.max
	return len(b), nil
}

// beginning is what was kept; of text, whole characters.
func (h *head) beginning() []byte { return events.Cut(h.kept, h.max) }

// tail keeps the end of what is written to it.
type tail struct {
	max  int
	kept []byte
	cut  bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - t.max; over > 0 {
		t.kept = append(t.kept[:0], events.CutFront(t.kept, t.max)...)
		t.cut = true
	}
	return len(b), nil
}

// String is what was kept, as the end of an error.
func (t *tail) String() string {
	s := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "\uFFFD"))
	switch {
	case s == "":
		return ""
	case t.cut:
		return ": … " + s
	}
	return ": " + s
}
