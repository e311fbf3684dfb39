package predicate

import "strings"

// scanner walks over predicate text, passing by strings and comments, so that
// brackets and operators can be judged without parsing.
type scanner struct {
	text string
	pos  int
	// depth of open brackets at pos.
	depth int
}

// next returns the next byte that is code, and its position; ok is false at the end.
func (s *scanner) next() (c byte, at int, ok bool) {
	for s.pos < len(s.text) {
		at = s.pos
		c = s.text[at]
		switch {
		case c == '"' || c == '\'':
			s.skipString()
			return c, at, true
		case c == '/' && strings.HasPrefix(s.text[at:], "//"):
			s.skipComment()
			continue
		}
		switch c {
		case '(', '[', '{':
			s.depth++
		case ')', ']', '}':
			s.depth--
		}
		s.pos++
		return c, at, true
	}
	return 0, len(s.text), false
}

func (s *scanner) skipComment() {
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		s.pos += i + 1
		return
	}
	s.pos = len(s.text)
}

// skipString passes the string literal that begins at pos, or all that is left
// if it has no end.
func (s *scanner) skipString() {
	quote := s.text[s.pos : s.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.text[s.pos:], triple) {
		quote = triple
	}
	raw := s.isRaw()
	s.pos += len(quote)
	for s.pos < len(s.text) {
		switch {
		case strings.HasPrefix(s.text[s.pos:], quote):
			s.pos += len(quote)
			return
		case s.text[s.pos] == '\\' && !raw:
			s.pos += 2
		default:
			s.pos++
		}
	}
	s.pos = len(s.text)
}

// isRaw tells whether the literal at pos has an r in its prefix (r"", br"").
func (s *scanner) isRaw() bool {
	for i := s.pos - 1; i >= 0 && i >= s.pos-2; i-- {
		switch s.text[i] {
		case 'r', 'R':
			return true
		case 'b', 'B':
		default:
			return false
		}
	}
	return false
}

// nesting is how deep a parser may have to go at most: open brackets, runs of
// prefix operators, and conditionals, each of which nests to the right.
func nesting(text string) int {
	s := scanner{text: text}
	deepest, run, conditionals := 0, 0, 0
	for {
		c, _, ok := s.next()
		if !ok {
			return deepest
		}
		switch c {
		case '!', '-':
			run++
		case ' ', '\t', '\n', '\r':
		default:
			run = 0
		}
		if c == '?' {
			conditionals++
		}
		deepest = max(deepest, s.depth+run+conditionals)
	}
}

// split cuts text at each && that stands outside of all brackets, and gives the
// clauses with outer space removed. Text in which || or ?: binds looser than
// && is one clause.
func split(text string) []string {
	var cuts []int
	s := scanner{text: text}
	before := byte(0)
	for {
		c, at, ok := s.next()
		if !ok {
			break
		}
		if s.depth == 0 {
			switch {
			case c == '?' || c == '|' && before == '|':
				return []string{strings.TrimSpace(text)}
			case c == '&' && before == '&':
				cuts = append(cuts, at-1)
				c = 0
			}
		}
		before = c
	}
	clauses := make([]string, 0, len(cuts)+1)
	from := 0
	for _, cut := range cuts {
		clauses = append(clauses, strings.TrimSpace(text[from:cut]))
		from = cut + len("&&")
	}
	return append(clauses, strings.TrimSpace(text[from:]))
}
