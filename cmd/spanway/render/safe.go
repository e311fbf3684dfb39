package render

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clean is text from anywhere as part of one line on a terminal: what is not graphic
// (control characters, line breaks and tabs, C1, bidirectional overrides, bytes that
// are not UTF-8) is written as Go writes it in a string, such as \n, \x1b and \u202e.
// A backslash stays as it is. Clean(Clean(s)) is Clean(s).
func Clean(s string) string { return escape(s, "") }

// Lines is Clean of each line: line breaks and tabs stay.
func Lines(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	clean := func(r rune, size int) bool {
		return !(r == utf8.RuneError && size == 1) && (strconv.IsGraphic(r) || strings.ContainsRune(keep, r))
	}
	i := 0
	for i < len(s) { // Almost all text is clean.
		r, size := utf8.DecodeRuneInString(s[i:])
		if !clean(r, size) {
			break
		}
		i += size
	}
	if i == len(s) {
		return s
	}
	b := []byte(s[:i])
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case clean(r, size):
			b = append(b, s[i:i+size]...)
		case r == utf8.RuneError:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		default:
			quoted := strconv.QuoteRune(r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += size
	}
	return string(b)
}

// JSON is JSON with all that is not graphic written as \uXXXX: the same value, safe
// for a terminal. What is not graphic stands only in strings, but for line breaks and
// tabs between values, which stay.
func JSON(b []byte) []byte {
	if !bytes.ContainsFunc(b, hidden) {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for _, r := range string(b) {
		switch {
		case !hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func hidden(r rune) bool { return r >= 0x7f && !strconv.IsGraphic(r) }

// Safe is text that may be written to a terminal as it is: it was cleaned, and what
// it has of colour is ours. Only this package makes it.
type Safe struct{ text string }

func (s Safe) String() string { return s.text }

// Colours, of text that a person reads.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Dim    = "2"
	Bold   = "1"

	strong = Bold + ";" + Yellow
)

// Paint is clean text in a colour.
func Paint(colour, text string) Safe {
	return Safe{"\x1b[" + colour + "m" + Clean(text) + "\x1b[0m"}
}

// Block is text of several lines, each but the first one indented; a line break at
// its end is left out.
func Block(text string, indent int) Safe {
	text = strings.TrimSuffix(Lines(text), "\n")
	return Safe{strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", indent))}
}

// Sprintf is fmt.Sprintf with arguments that are cleaned, but for those that are Safe.
func Sprintf(format string, args ...any) Safe {
	if false {
		_ = fmt.Sprintf(format, args...) // So that vet checks the calls.
	}
	guarded := make([]any, len(args))
	for i, arg := range args {
		if guarded[i] = arg; !isNumber(arg) {
			guarded[i] = guard{arg}
		}
	}
	return Safe{fmt.Sprintf(format, guarded...)}
}

func isNumber(v any) bool {
	k := reflect.ValueOf(v).Kind()
	_, stringer := v.(fmt.Stringer)
	return k >= reflect.Bool && k <= reflect.Complex128 && !stringer
}

// guard is an argument that is cleaned when it is formatted.
type guard struct{ v any }

func (g guard) Format(f fmt.State, verb rune) {
	v := g.v
	if safe, ok := v.(Safe); ok {
		fmt.Fprintf(f, fmt.FormatString(f, verb), safe.text)
		return
	}
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	if (verb == 's' || verb == 'v') && !f.Flag('#') {
		v = Clean(fmt.Sprint(v)) // Before it is padded.
	}
	io.WriteString(f, Clean(fmt.Sprintf(fmt.FormatString(f, verb), v))) //nolint:errcheck // It is memory.
}

// page is safe text that grows.
type page struct{ strings.Builder }

func (p *page) printf(format string, args ...any) { p.WriteString(Sprintf(format, args...).text) }

func (p *page) text() Safe { return Safe{p.String()} }

// visible is how many characters of a text take room on a terminal.
func (s Safe) visible() int {
	n, rest := 0, s.text
	for {
		before, after, painted := strings.Cut(rest, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !painted {
			return n
		}
		_, rest, _ = strings.Cut(after, "m")
	}
}
