package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// words is the value of a flag that takes several, separated by commas. Space around
// an item counts for nothing, and one in quotes is taken as it is, commas included.
type words struct {
	pflag.Value
	items   pflag.SliceValue
	changed bool
}

func (l *words) Set(text string) error {
	items, err := split(text)
	if err != nil {
		return err
	}
	if !l.changed {
		l.changed = true
		return l.items.Replace(items)
	}
	for _, item := range items {
		if err := l.items.Append(item); err != nil {
			return err
		}
	}
	return nil
}

// split reads a list of words.
func split(text string) (items []string, err error) {
	s := scanner{text}
	if s.empty() {
		return []string{}, nil
	}
	for more := true; more; more = s.next(",") {
		w, err := s.word(",")
		if err != nil {
			return nil, err
		}
		if w.Text == "" && !w.Quoted {
			return nil, fmt.Errorf("item %d of the list is empty: leave it out, or write \"\"", len(items)+1)
		}
		items = append(items, w.Text)
	}
	return items, nil
}

// Word is one of a list. A quoted one stood in quotes, which are not part of Text.
type Word struct {
	Text   string
	Quoted bool
}

// scanner reads words, and what separates them, off the beginning of a text.
type scanner struct{ text string }

const blank = " \t\r\n"

// empty reports whether nothing is left but space.
func (s *scanner) empty() bool {
	s.text = strings.TrimLeft(s.text, blank)
	return s.text == ""
}

// next takes a separator off, if it comes next.
func (s *scanner) next(separator string) (ok bool) {
	s.text, ok = strings.CutPrefix(s.text, separator)
	return ok
}

// word takes a word off, up to one of the separators or the end. It may stand in
// quotes of either kind, in which a quote is written twice.
func (s *scanner) word(separators string) (w Word, err error) {
	if !s.empty() && (s.text[0] == '"' || s.text[0] == '\'') {
		return s.quoted(separators)
	}
	end := strings.IndexAny(s.text, separators)
	if end < 0 {
		end = len(s.text)
	}
	w.Text, s.text = strings.TrimRight(s.text[:end], blank), s.text[end:]
	return w, nil
}

func (s *scanner) quoted(separators string) (Word, error) {
	quote, w := s.text[:1], Word{Quoted: true}
	for s.next(quote) {
		inside, rest, closed := strings.Cut(s.text, quote)
		if !closed {
			return w, fmt.Errorf("the quote before %q is not closed", inside)
		}
		if w.Text, s.text = w.Text+inside, rest; strings.HasPrefix(rest, quote) {
			w.Text += quote
		}
	}
	if !s.empty() && !strings.Contains(separators, s.text[:1]) {
		return w, fmt.Errorf("%q follows the quote that is closed after %q: separate them by a comma", s.text, w.Text)
	}
	return w, nil
}

// pairs is the value of a flag that takes NAME=VALUE, separated by commas. A value
// is a list of words separated by semicolons where several are allowed.
type pairs struct {
	several bool
	put     func(name string, values []Word) error
	show    func() string
	given   map[string]bool // by all that was set: a name that comes again is refused
}

func (p *pairs) Type() string   { return "name=value" }
func (p *pairs) String() string { return p.show() }

func (p *pairs) Set(text string) error {
	s := scanner{text}
	if s.empty() {
		return nil
	}
	if p.given == nil {
		p.given = map[string]bool{}
	}
	for more := true; more; more = s.next(",") {
		name, err := s.word("=,")
		if err != nil {
			return err
		}
		if name.Text == "" || !s.next("=") {
			return fmt.Errorf("%q is no NAME=VALUE; a value with a comma in it is written in quotes, NAME=\"A,B\"", name.Text)
		}
		if strings.ContainsFunc(name.Text, unicode.IsSpace) {
			return fmt.Errorf("%q is no name: it has a space in it", name.Text)
		}
		if p.given[name.Text] {
			return fmt.Errorf("%q is given twice: give it once", name.Text)
		}
		p.given[name.Text] = true
		values, err := p.values(&s)
		if err != nil {
			return err
		}
		if err := p.put(name.Text, values); err != nil {
			return err
		}
	}
	return nil
}

func (p *pairs) values(s *scanner) (values []Word, err error) {
	separators := ","
	if p.several {
		separators = ",;"
	}
	for more := true; more; more = p.several && s.next(";") {
		w, err := s.word(separators)
		if err != nil {
			return nil, err
		}
		values = append(values, w)
	}
	return values, nil
}

// Pairs adds a flag that takes NAME=VALUE, separated by commas, again and again.
func Pairs(f *pflag.FlagSet, into *map[string]string, name, usage string) {
	f.Var(&pairs{
		put: func(name string, values []Word) error {
			if *into == nil {
				*into = map[string]string{}
			}
			(*into)[name] = values[0].Text
			return nil
		},
		show: func() string {
			var out []string
			for _, name := range slices.Sorted(maps.Keys(*into)) {
				out = append(out, name+"="+(*into)[name])
			}
			return strings.Join(out, ",")
		},
	}, name, usage)
}

// PairsOf is Pairs where the values are lists, separated by semicolons, which read
// makes something of.
func PairsOf[V any](f *pflag.FlagSet, into *map[string]V, read func([]Word) (V, error), name, usage string) {
	f.Var(&pairs{
		several: true,
		put: func(name string, values []Word) error {
			v, err := read(values)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if *into == nil {
				*into = map[string]V{}
			}
			(*into)[name] = v
			return nil
		},
		show: func() string { return "" },
	}, name, usage)
}
