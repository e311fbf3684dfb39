package events

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckID checks what names something: text of 1 to 256 bytes in UTF-8 without
// control characters. There is one copy of this check: clients, engines, the command
// line and the scheduler refuse with it the same names. The error is a *Malformed
// that says what it is the name of.
func CheckID(what, id string) error {
	if id == "" {
		return Refuse(CodeBadData, "%s is missing; give 1 to %d bytes of text", what, MaxIDBytes)
	}
	return CheckOptionalID(what, id)
}

// CheckOptionalID is CheckID of a name that may be left out.
func CheckOptionalID(what, id string) error {
	switch {
	case len(id) > MaxIDBytes:
		return Refuse(CodeBadData, "%s has %d bytes; at most %d are allowed", what, len(id), MaxIDBytes)
	case printable(id): // Most are.
		return nil
	case !utf8.ValidString(id):
		return Refuse(CodeBadData, "%s %q is not valid UTF-8", what, id)
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return Refuse(CodeBadData, "%s %q contains a control character", what, id)
		}
	}
	return nil
}

// CheckSpace checks the name that a space of identifiers is to have: what CheckID takes, of
// characters that are seen and spaces between them, without "/", which stands between a
// space and an identifier, and neither "." nor "..". The error is a *Malformed.
func CheckSpace(name string) error {
	if err := CheckID("the space", name); err != nil {
		return err
	}
	seen := !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) })
	if !seen || strings.TrimSpace(name) != name || name == "." || name == ".." {
		return Refuse(CodeBadName, "the space %q cannot have that name: give printed characters, without \"/\" and without spaces at its ends, and neither \".\" nor \"..\"", name)
	}
	return nil
}

// printable tells whether a text has printable characters of ASCII only.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// maxPrefixBytes leaves room for the longest name of a topic in Kafka's 249 bytes.
const maxPrefixBytes = 200

// CheckPrefix checks what the names of topics begin with: what Kafka allows in them.
// The error is a *Malformed.
func CheckPrefix(prefix string) error {
	if len(prefix) > maxPrefixBytes {
		return Refuse(CodeBadData, "the prefix of the topics has %d bytes; at most %d are allowed", len(prefix), maxPrefixBytes)
	}
	for i := range len(prefix) {
		c := prefix[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return Refuse(CodeBadData, "the prefix of the topics is %q; use a-z, A-Z, 0-9, '.', '_' and '-'", prefix)
		}
	}
	return nil
}
