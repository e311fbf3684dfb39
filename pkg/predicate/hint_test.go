package predicate

import (
	"strings"
	"testing"
)

// Common mistakes are refused with what to write instead.
func TestHints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`engine.site = "x"`:       "equal is written ==",
		`engine.labels.gpu => 1`:  "at least is written >=",
		`engine.site == local`:    `if it is text, write it in quotes: "local"`,
		`engines.site == "x"`:     `(did you mean 'engine.site'?)`,
		`engine.free.slots`:       "compare it with a number, as in engine.free.slots >= 1",
		`engine.labels.loud`:      "as in engine.labels.loud == true",
		`engine.site & task.pool`: "and is written &&",
	} {
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", text, err, want)
		}
	}
}
