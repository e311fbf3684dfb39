package store

import (
	"strconv"
	"strings"
)

// The fields of a space's hash.
const (
	nextField     = "next"
	freeField     = "free"
	atField       = "at"
	requestPrefix = "r:"
)

// decode reads the fields of a hash. What cannot be read is as if it were not there: the
// log knows better.
func decode(fields map[string]string) State {
	s := State{Proposed: make(map[string]Range, len(fields))}
	next, err := strconv.ParseInt(fields[nextField], 10, 64)
	free, ok := parseRanges(fields[freeField])
	if err == nil && ok && next >= 0 {
		s.Next, s.Free, s.Known = next, join(free), true
		if at, err := strconv.ParseInt(fields[atField], 10, 64); err == nil && at > 0 {
			s.At = at
		}
	}
	for field, value := range fields {
		id, isRequest := strings.CutPrefix(field, requestPrefix)
		if r, ok := parseRange(value); isRequest && ok {
			s.Proposed[id] = r
		}
	}
	return s
}

// encode writes a state as fields.
func encode(s State) map[string]string {
	fields := make(map[string]string, 3+len(s.Proposed))
	if s.Known {
		free := make([]string, len(s.Free))
		for i, r := range s.Free {
			free[i] = r.String()
		}
		fields[nextField], fields[freeField] = strconv.FormatInt(s.Next, 10), strings.Join(free, ",")
		fields[atField] = strconv.FormatInt(s.At, 10)
	}
	for id, r := range s.Proposed {
		fields[requestPrefix+id] = r.String()
	}
	return fields
}

// String is as in Redis: "1-5".
func (r Range) String() string {
	var digits [42]byte // Of two numbers with their signs, and what is between them.
	return string(strconv.AppendInt(append(strconv.AppendInt(digits[:0], r.From, 10), '-'), r.To, 10))
}

func parseRanges(text string) (out []Range, ok bool) {
	if text == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(text, ",") {
		r, ok := parseRange(part)
		if !ok {
			return nil, false
		}
		out = append(out, r)
	}
	return out, true
}

func parseRange(text string) (Range, bool) {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return Range{}, false
	}
	var r Range
	var err error
	if r.From, err = strconv.ParseInt(from, 10, 64); err == nil {
		r.To, err = strconv.ParseInt(to, 10, 64)
	}
	return r, err == nil && r.From >= 0 && r.From <= r.To && r.To < 1<<62
}

// change is what turns fields into others: what is to be set, and deleted. What is gone is
// deleted, too, but for what is wanted.
func change(have, want map[string]string, gone []string) (set map[string]string, deleted []string) {
	set = make(map[string]string, len(want))
	for field, value := range want {
		if old, ok := have[field]; !ok || old != value {
			set[field] = value
		}
	}
	for field := range have {
		if _, ok := want[field]; !ok {
			deleted = append(deleted, field)
		}
	}
	for _, field := range gone {
		_, wanted := want[field]
		if _, had := have[field]; !wanted && !had {
			deleted = append(deleted, field)
		}
	}
	return set, deleted
}
