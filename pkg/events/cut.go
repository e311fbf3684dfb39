package events

import "unicode/utf8"

// Cut is at most the first n bytes of b. Text is cut between characters: a beginning
// of a character at the end of what is left is left out, too.
func Cut(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	return Whole(b[:max(n, 0)])
}

// Whole is b without a beginning of a character at its end, of which the rest is missing.
func Whole(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// CutFront is at most the last n bytes of b, cut as Cut does.
func CutFront(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	at := len(b) - max(n, 0)
	for i := at - 1; i >= 0 && i > at-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if _, size := utf8.DecodeRune(b[i:]); i+size > at {
				at = i + size
			}
			break
		}
	}
	return b[at:]
}
