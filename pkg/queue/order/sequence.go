package order

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Sequence is the ID of an entry in a queue whose IDs are a sequence: the number of the entry,
// and the term of what numbered it. Both are 1 to 2^63 - 1.
type Sequence struct{ Term, Number uint64 }

// String is the one way to write it: TERM-NUMBER, both in decimal digits.
func (s Sequence) String() string {
	return strconv.FormatUint(s.Term, 10) + "-" + strconv.FormatUint(s.Number, 10)
}

// ParseSequence reads what String wrote, and nothing else.
func ParseSequence(id string) (Sequence, error) {
	if s, ok := sequenceOf(id); ok {
		return s, nil
	}
	return Sequence{}, fmt.Errorf("read %.99q as the ID of an entry in a sequence: give TERM-NUMBER, each 1 to %d in decimal digits without leading zeros, as in 3-1841", id, int64(math.MaxInt64))
}

func sequenceOf(id string) (s Sequence, ok bool) {
	term, number, cut := strings.Cut(id, "-")
	if !cut {
		return s, false
	}
	var ok2 bool
	s.Term, ok = positive(term)
	s.Number, ok2 = positive(number)
	return s, ok && ok2
}

// positive is a number of 1 to 2^63 - 1 in the one way to write it.
func positive(text string) (n uint64, ok bool) {
	const digits = 19 // as many as the greatest has
	if text == "" || len(text) > digits || text[0] == '0' {
		return 0, false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= math.MaxInt64
}

// sequence is what is remembered of the IDs of a sequence, however many there were: all numbers
// up to the greater of the last one and the floor are used. Zeros are that of no entry.
type sequence struct {
	last  Sequence // the newest that was put in; its term is the highest
	began uint64   // the first number that was put in under that term
	floor uint64   // numbers were trimmed up to here
}

// used is the greatest number that is.
func (s *sequence) used() uint64 { return max(s.last.Number, s.floor) }

// put notes an entry that was put in.
func (s *sequence) put(id Sequence) {
	if id.Term != s.last.Term {
		s.began = id.Number
	}
	s.last = id
}

// refuses is why an ID that is not held is not put in; empty if it is the next one.
func (s *sequence) refuses(id Sequence) events.Code {
	switch {
	case id.Term < s.last.Term:
		return events.CodeOldTerm
	case id.Number == s.used()+1:
		return ""
	case s.over(id):
		return events.CodeAlreadyRemoved
	}
	return events.CodeOutOfSequence
}

// over tells whether an ID that is not held is of an entry that was taken out. Under the highest
// term that is known exactly. Under a lower one it is taken to be so of every number before that
// term: which entry had the number is forgotten, and it cannot be put in any more.
func (s *sequence) over(id Sequence) bool {
	if id.Term == s.last.Term {
		return id.Number >= s.began && id.Number <= s.used()
	}
	return id.Term < s.last.Term && id.Number < s.began
}

func (s *sequence) append(dst []byte) []byte {
	for _, v := range []uint64{s.last.Term, s.last.Number, s.began, s.floor} {
		dst = putUvarint(dst, v)
	}
	return dst
}

// restore reads what append wrote. line is of the entries that are held.
func (s *sequence) restore(number func() int64, line *line) error {
	s.last = Sequence{Term: uint64(number()), Number: uint64(number())}
	s.began, s.floor = uint64(number()), uint64(number())
	none := s.last.Term == 0 && s.last.Number == 0 && s.began == 0
	some := s.last.Term > 0 && s.began > 0 && s.began <= s.last.Number
	switch {
	case !none && !some:
		return fmt.Errorf("the last number %v of the sequence, and the first of its term, %d, are not", s.last, s.began)
	case line.last.Number > s.last.Number || line.last.Term > s.last.Term || line.first > 0 && line.first <= s.floor:
		return fmt.Errorf("entries of the sequence stand outside of it, from %d to %v", line.first, line.last)
	}
	return nil
}

// line is what was seen of the entries of a state, in their order: numbers grow, and terms do
// not fall.
type line struct {
	first uint64
	last  Sequence
}

// next tells whether an ID may stand behind those before.
func (l *line) next(kind events.QueueIDs, id string) bool {
	if kind != events.QueueIDs_QUEUE_IDS_SEQUENCE {
		return true
	}
	s, ok := sequenceOf(id)
	if !ok || s.Number <= l.last.Number || s.Term < l.last.Term {
		return false
	}
	if l.first == 0 {
		l.first = s.Number
	}
	l.last = s
	return true
}

// Last is the newest ID that was ever put in, in a queue whose IDs are a sequence, and next the
// number that the next one must have: 1 at first, and behind a trim beyond the last the one
// behind that. Both are 0 in other queues; next is 0, too, when no number is left.
func (q *Queue) Last() (last Sequence, next uint64) {
	if q.rules.IDs != events.QueueIDs_QUEUE_IDS_SEQUENCE || !q.Exists() {
		return Sequence{}, 0
	}
	s := &q.past.sequence
	if s.used() == math.MaxInt64 {
		return s.last, 0
	}
	return s.last, s.used() + 1
}

func (q *Queue) trim(m *events.QueueTrimmed, offset int64) events.Code {
	if events.CheckOptionalID("the reason", m.Reason) != nil || q.rules.IDs != events.QueueIDs_QUEUE_IDS_SEQUENCE || m.Through < 1 {
		return events.CodeBadData
	}
	through := uint64(m.Through)
	var taken []Entry // Numbers grow along the ordering: they are the first ones.
	q.index.after(-1, func(b *block, e *entry) bool {
		id := b.id(e)
		if s, _ := sequenceOf(id); s.Number > through {
			return false
		}
		taken = append(taken, Entry{ID: id, Seq: e.seq})
		return true
	})
	for _, e := range taken {
		q.take(e.ID, e.Seq, Change{Kind: EntryRemoved, Offset: offset, Reason: m.Reason})
	}
	q.past.sequence.floor = max(q.past.sequence.floor, through)
	return ""
}
