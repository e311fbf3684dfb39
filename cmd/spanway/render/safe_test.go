package render

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// shown tells whether a terminal shows text as it is, on one line.
func shown(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsGraphic(r) })
}

// No character whatever reaches a terminal raw, in any way that text is written.
func TestNoCharacterIsRaw(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if strconv.IsGraphic(r) || !utf8.ValidRune(r) || r > 0x3000 && r%97 != 0 { // Those far up are alike.
			continue
		}
		s := "a" + string(r) + "b"
		once := Clean(s)
		if !shown(once) || Clean(once) != once || !strings.HasPrefix(once, `a\`) {
			t.Fatalf("Clean(%q) is %q", s, once)
		}
		if r > 0x3000 {
			continue
		}
		for _, format := range []string{"%s", "%v", "%q", "%-9s", "%.2s", "%x", "%+v", "%#v"} {
			for _, v := range []any{s, []byte(s), []string{s}, map[string]string{s: s}, struct{ S string }{s}, &strings.Builder{}} {
				if text := Sprintf(format, v).String(); !shown(text) {
					t.Fatalf("Sprintf(%q, %q) is %q", format, v, text)
				}
			}
		}
		if lines := Lines(s); lines != once && !(r == '\n' || r == '\t') {
			t.Fatalf("Lines(%q) is %q", s, lines)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if safe := JSON(text); !shown(string(safe)) || json.Unmarshal(safe, &back) != nil || back != s {
			t.Fatalf("JSON(%q) is %q, which is %q", text, JSON(text), back)
		}
	}
}

func TestBytesThatAreNotText(t *testing.T) {
	for b := 0x80; b <= 0xff; b++ {
		s := "a" + string([]byte{byte(b)}) + "b"
		if got, want := Clean(s), `a\x`+strconv.FormatInt(int64(b), 16)+"b"; got != want {
			t.Errorf("Clean(%q) is %q, want %q", s, got, want)
		}
	}
	if got := Clean("gr\u00fcn \u4e16 \u00a0 C:\\new \ufffd"); got != "gr\u00fcn \u4e16 \u00a0 C:\\new \ufffd" {
		t.Errorf("text that is harmless becomes %q", got)
	}
}

// Colour is ours; what is in a text is not.
func TestColourStaysOurs(t *testing.T) {
	line := Sprintf("%-8s|%s|%*d", "\x1b[1m", Paint(Red, "a\x1b[0mb"), 3, 7)
	if got, want := line.String(), `\x1b[1m `+"|\x1b[31ma\\x1b[0mb\x1b[0m|  7"; got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
	if n := Paint(Red, "grün").visible(); n != 4 {
		t.Errorf("a word of four characters takes %d", n)
	}
	if got, want := Block("a\n\x1b\tb\n", 2).String(), "a\n  \\x1b\tb"; got != want {
		t.Errorf("a block is %q, want %q", got, want)
	}
}

// One way to write a duration (of task why, too).
func TestDuration(t *testing.T) {
	for ms, want := range map[int64]string{
		-1: "0s", 0: "0s", 14: "14ms", 999: "999ms", 1000: "1s", 59_999: "59.9s", 60_000: "1m", 61_000: "1m1s", 90_000: "1m30s", 600_000: "10m",
		3_600_000: "1h", 5_400_000: "1h30m", 86_400_000: "1d", 129_600_000: "1d12h",
	} {
		if got := Ms(ms); got != want {
			t.Errorf("%d ms are %q, want %q", ms, got, want)
		}
	}
}
