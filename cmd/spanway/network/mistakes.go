package network

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// String is the mistake on a line: where it stands, what it is about, its code and what it is.
func (m mistake) String() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File)
		if m.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
		}
		b.WriteString(": ")
	}
	if m.Path != "" {
		fmt.Fprintf(&b, "%s: ", m.Path)
	}
	if m.Field != "" {
		fmt.Fprintf(&b, "%s: ", m.Field)
	}
	fmt.Fprintf(&b, "%s: %s", m.Code, m.Text)
	return render.Clean(b.String())
}

func (e *refused) Error() string {
	lines := []string{fmt.Sprintf("%s: refused for %s, nothing was changed:", e.what, render.Count(len(e.mistakes), "mistake", "mistakes"))}
	for _, m := range e.mistakes {
		lines = append(lines, m.String())
	}
	return strings.Join(lines, "\n")
}
