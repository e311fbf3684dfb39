package sharedlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// stored reads what stands before the core in the state of a Fold: the time, and the calls
// one by one.
type stored struct {
	r       *bufio.Reader
	at      int64 // how much was read
	now     int64
	movedAt int64
	codes   []events.Code
	left    int64 // calls
	last    int64 // the offset of the one before
	err     error
}

// stored begins to read the state in the file.
func (f *FileFold) stored() *stored {
	s := &stored{r: bufio.NewReaderSize(io.NewSectionReader(f.file, 0, f.size), 64<<10)}
	if v := s.take(1); s.err == nil && v[0] != foldVersion {
		s.err = &newerError{version: uint32(v[0])}
	}
	s.now, s.movedAt = s.number(), s.number()-1
	if s.now > math.MaxInt64/2 || s.movedAt > math.MaxInt64/2 {
		s.fail(errors.New("its time is malformed"))
	}
	n := s.number()
	if s.err == nil && (n == 0 || n > maxCodes) {
		s.fail(errCalls)
	}
	for ; n > 0 && s.err == nil; n-- {
		s.codes = append(s.codes, events.Code(s.take(int(min(s.number(), 1<<15)))))
	}
	if s.err == nil && s.codes[0] != "" {
		s.fail(errCalls)
	}
	s.left = s.number()
	return s
}

func (s *stored) fail(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("restore a shared log: %w", err)
	}
}

// take returns the next n bytes, until more is read.
func (s *stored) take(n int) []byte {
	if s.err != nil {
		return nil
	}
	b, err := s.r.Peek(n)
	if err != nil {
		s.fail(fmt.Errorf("the state ends early: %w", err))
		return nil
	}
	_, _ = s.r.Discard(n) // They are there.
	s.at += int64(n)
	return b
}

// number reads one of at most 63 bits.
func (s *stored) number() int64 {
	if s.err != nil {
		return 0
	}
	b, _ := s.r.Peek(binary.MaxVarintLen64)
	v, n := binary.Uvarint(b)
	if n <= 0 || v > math.MaxInt64 {
		s.fail(errCalls)
		return 0
	}
	s.take(n)
	return int64(v)
}

// next reads the next call.
func (s *stored) next() (d decided, ok bool) {
	if s.left == 0 || s.err != nil {
		return d, false
	}
	s.left--
	const most = len(d.id) + binary.MaxVarintLen64 + 1
	b, _ := s.r.Peek(most) // Of the last one it may be less.
	if len(b) < len(d.id)+2 {
		s.fail(errCalls)
		return d, false
	}
	delta, n := binary.Uvarint(b[len(d.id):])
	if n <= 0 || delta > 1<<62 || len(b) <= len(d.id)+n {
		s.fail(errCalls)
		return d, false
	}
	d = decided{CallID(b), s.last + int64(delta), b[len(d.id)+n]}
	s.take(len(d.id) + n + 1)
	if s.err == nil && (int(d.code) >= len(s.codes) || d.offset < s.last) {
		s.fail(errCalls)
	}
	s.last = d.offset
	return d, s.err == nil
}

// part returns the time, and of the calls those with these IDs. kept is how many of all
// calls stand at an offset or behind it.
func (s *stored) part(ids map[CallID]struct{}, oldest int64) (part []byte, kept int) {
	c := calls{codes: s.codes}
	for d, ok := s.next(); ok; d, ok = s.next() {
		if _, named := ids[d.id]; named {
			c.order = append(c.order, d)
		}
		if d.offset >= oldest {
			kept++
		}
	}
	return c.append(appendTime(nil, s.now, s.movedAt)), kept
}

// merge writes the time of a fold and its calls: those that were decided at an offset or
// behind it, and of the ones before all that stand here and are not forgotten, which are so
// many. n is how much it has written.
func (s *stored) merge(w *bufio.Writer, fold *Fold, kept int, first, oldest int64) (n int64, err error) {
	fresh := fold.calls.order
	for len(fresh) > 0 && fresh[0].offset < first {
		fresh = fresh[1:]
	}
	write := func(b []byte) {
		n += int64(len(b))
		_, _ = w.Write(b) // It remembers its first error.
	}
	now, movedAt := fold.Now()
	write(appendCodes(appendTime(nil, now, movedAt), fold.calls.codes))
	write(binary.AppendUvarint(nil, uint64(kept+len(fresh))))
	last := int64(0)
	var room []byte
	put := func(d *decided) {
		room = d.append(room[:0], last)
		write(room)
		last = d.offset
	}
	for d, ok := s.next(); ok; d, ok = s.next() {
		if d.offset >= oldest {
			put(&d)
		}
	}
	for i := range fresh {
		put(&fresh[i])
	}
	return n, s.err
}
