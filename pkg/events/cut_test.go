package events

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// At every bound, text stays text, and no more is left out than a character.
func TestCutStaysText(t *testing.T) {
	text := []byte(strings.Repeat("aé€😀", 5))
	for n := range len(text) + 2 {
		for name, got := range map[string][]byte{"Cut": Cut(text, n), "CutFront": CutFront(text, n)} {
			if !utf8.Valid(got) || len(got) > n || len(got) <= min(n, len(text))-utf8.UTFMax {
				t.Errorf("%s at %d is %q", name, n, got)
			}
		}
	}
	for _, cut := range []func([]byte, int) []byte{Cut, CutFront} {
		if got := cut([]byte("\x80\x80\x80\x80\x80\x80"), 5); len(got) != 5 {
			t.Errorf("of what is no text %q is left", got)
		}
	}
}
