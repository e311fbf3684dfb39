package compare

import (
	"sort"

	"github.com/spanway/spanway/pkg/events"
)

// Stream compares two partitions record by record. It is not safe for concurrent use.
type Stream struct {
	cfg     Config
	windows windows
	result  Result

	sourceNext, targetNext int64
	ahead                  []entry // of the source, which no copy has passed yet
	late                   []entry // should have been copied, and have been passed, by offset
	copies                 []copied
	passed                 int64 // copies of the source came so far
	generation             uint32
	newest                 int64 // origin in that generation
	finished               bool
}

// entry is a record of the source.
type entry struct {
	offset int64
	hash   uint64
	fate   fate
	way    []events.Hop
}

// copied is a record of the target.
type copied struct {
	offset, origin int64
	generation     uint32
	hash           uint64
	way            []events.Hop
	own            bool
}

// maxLate bounds what is held of records that are missing: beyond it one that comes yet
// is told as a Duplicate, and as Missing.
const maxLate = 1 << 16

// New begins to compare.
func New(cfg Config) *Stream { return After(cfg, Newest{}) }

// After begins to compare behind the newest copy in front of the TargetRange; the zero
// value is none.
func After(cfg Config, newest Newest) *Stream {
	cut := cfg.Every
	if cut.Offsets <= 0 {
		cut.Offsets = defaultOffsets
	}
	s := &Stream{cfg: cfg, sourceNext: cfg.SourceRange.Start, targetNext: cfg.TargetRange.Start, passed: cfg.SourceRange.Start}
	s.generation, s.newest = newest.Generation, newest.Origin
	s.windows = windows{cut: cut, end: cfg.SourceRange.End, from: cfg.SourceRange.Start}
	s.result.EqualTo = cfg.SourceRange.End
	s.advance()
	return s
}

// Reading is a page that a Stream needs next.
type Reading uint8

// Done needs none.
const (
	ReadSource Reading = iota
	ReadTarget
	Done
)

// Next tells which side to read, and from which offset on.
func (s *Stream) Next() (side Reading, from int64) {
	switch {
	case s.finished:
		return Done, 0
	case len(s.copies) == 0 && s.targetNext < s.cfg.TargetRange.End:
		return ReadTarget, s.targetNext
	}
	return ReadSource, s.sourceNext
}

// Source takes a page of the source; next is the offset to go on from.
func (s *Stream) Source(records []events.Record, next int64) {
	for i := range records {
		r := &records[i]
		if r.Offset < s.sourceNext || r.Offset >= s.cfg.SourceRange.End {
			continue
		}
		f, way := s.cfg.judge(r)
		s.windows.extend(r.Offset, r.Timestamp)
		s.ahead = append(s.ahead, entry{r.Offset, Hash(r, r.Offset), f, way})
	}
	s.sourceNext = max(s.sourceNext, next)
	s.advance()
}

// Target takes a page of the target; next is the offset to go on from.
func (s *Stream) Target(records []events.Record, next int64) {
	for i := range records {
		r := &records[i]
		if r.Offset < s.targetNext || r.Offset >= s.cfg.TargetRange.End {
			continue
		}
		c := copied{offset: r.Offset, origin: -1}
		if p, ok := events.ProvenanceOf(r, s.cfg.Target); ok && p.ClusterPartition == s.cfg.Source {
			if p.Swept(r) {
				s.result.Swept++
				continue
			}
			c = copied{r.Offset, p.Origin.Offset, p.Generation, Hash(r, p.Origin.Offset), p.Earlier, true}
		}
		s.copies = append(s.copies, c)
	}
	s.targetNext = max(s.targetNext, next)
	s.advance()
}

// Windows takes those that were closed since it was called last.
func (s *Stream) Windows() []Window {
	closed := s.windows.closed
	s.windows.closed = nil
	return closed
}

// Result is what was found so far. It counts all when Next says Done.
func (s *Stream) Result() Result {
	r := s.result
	r.First = append([]Finding(nil), r.First...)
	return r
}

// advance judges as many copies as the source was read for.
func (s *Stream) advance() {
	read := s.sourceNext >= s.cfg.SourceRange.End
	for len(s.copies) > 0 {
		c := &s.copies[0]
		if c.own && !read && c.origin >= s.sourceNext && !s.cfg.superseded(c.origin, c.generation) {
			s.pass(s.sourceNext)
			return
		}
		s.take(c)
		s.copies = s.copies[1:]
	}
	if s.targetNext < s.cfg.TargetRange.End || s.finished {
		return
	}
	s.rest()
	if read {
		s.finish()
	}
}

// within says whether a copy is of a record that is compared.
func (s *Stream) within(c *copied) bool {
	return c.origin >= s.cfg.SourceRange.Start && c.origin < s.cfg.SourceRange.End && !s.cfg.superseded(c.origin, c.generation)
}

// old says whether there is a higher generation than the copy's.
func (s *Stream) old(c *copied) bool {
	n := len(s.cfg.Generations)
	return n > 0 && s.cfg.Generations[n-1].Number > c.generation
}

// pass says that copies of the source came so far: what was to be copied below is late.
func (s *Stream) pass(to int64) {
	n := 0
	for ; n < len(s.ahead) && s.ahead[n].offset < to; n++ {
		if e := s.ahead[n]; !s.drop(&e) {
			s.late = append(s.late, e)
		}
	}
	s.ahead = s.ahead[n:]
	s.passed = max(s.passed, to)
	s.settle(s.passed)
}

// settle closes the windows that were passed.
func (s *Stream) settle(at int64) {
	n, from := s.windows.passed(at)
	s.giveUp(from)
	s.windows.shut(n)
}

// drop counts a record of the source that is not to be copied.
func (s *Stream) drop(e *entry) bool {
	switch e.fate {
	case looped:
		s.result.Looped++
	case relayed:
		s.result.Relayed++
	case elsewhere:
		s.result.Elsewhere++
	case uncopyable:
		s.result.Uncopyable++
	case passed:
		s.result.Passed++
	case undeclared:
		s.result.Undeclared++
	}
	return e.fate != wanted
}

// giveUp says that late records below an offset, and too many, will not come any more.
func (s *Stream) giveUp(below int64) {
	n := sort.Search(len(s.late), func(i int) bool { return s.late[i].offset >= below })
	n = max(n, len(s.late)-maxLate)
	for i := range s.late[:n] {
		s.missing(&s.late[i])
	}
	s.late = append(s.late[:0], s.late[n:]...)
}

func (s *Stream) missing(e *entry) {
	if s.cfg.Compacted {
		s.result.Compacted++
		return
	}
	s.windows.of(e.offset).Source.add(e.hash)
	s.find(Finding{Missing, e.offset, -1}, e.offset)
}

func (s *Stream) find(f Finding, at int64) {
	s.windows.of(at).Wrong[f.Kind]++
	s.result.find(f, at)
}

// rest looks at the source behind the last copy.
func (s *Stream) rest() {
	for i := range s.ahead {
		e := &s.ahead[i]
		switch {
		case s.drop(e):
		case s.cfg.Whole && s.cfg.Compacted:
			s.result.Compacted++
		case s.cfg.Whole:
			s.late = append(s.late, *e)
		default:
			s.result.Behind++
			s.result.EqualTo = min(s.result.EqualTo, e.offset)
		}
	}
	s.ahead = s.ahead[:0]
	s.settle(s.sourceNext)
}

func (s *Stream) finish() {
	s.giveUp(s.cfg.SourceRange.End)
	s.windows.shut(len(s.windows.open))
	s.finished = true
}
