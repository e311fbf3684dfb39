package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// trail remembers what a log held where it was read. A log that lost its tail and
// has grown since has other records at the same offsets.
//
// The newest marks are kept each; the older they are, the further they stand apart.
type trail struct {
	marks []mark
	// limit of marks; 0: only the newest is kept.
	limit int
	// Of a shared log: base is where what shows the newest mark begins, and next where
	// it will begin when the log has grown by window more.
	base, next anchor
}

// anchor is a place in a shared log, and the history there.
type anchor struct {
	at      int64
	history uint64
}

// trailMarks is the limit of a follower that goes back to one of its marks.
const trailMarks = 64

// mark is a place up to which a log was read: how to go on from it, and what shows
// that the log still holds what was read.
type mark struct {
	at        int64
	judge     Judge
	n         uint32
	positions Positions

	// counted is the header of the newest batch that counts, at countedAt. Its hash
	// is one of all that counted. last is the offset of the newest record, print
	// its fingerprint: behind the newest batch, or at its end.
	counted   Header
	countedAt int64
	last      int64
	print     uint64

	// base, of a shared log, is a place from which on it can be read again.
	shared bool
	base   anchor
}

func (t *trail) clear() { t.marks = t.marks[:0] }

// newest is the offset of the newest record that was read; 0 if none is known.
func (t *trail) newest() int64 {
	if len(t.marks) == 0 {
		return 0
	}
	return t.marks[len(t.marks)-1].last
}

// add notes that a reader has taken a page.
func (t *trail) add(r *Reader, page *events.Page) {
	if len(page.Records) == 0 {
		return
	}
	last := &page.Records[len(page.Records)-1]
	m := mark{
		at: r.Position(), judge: r.judge, n: r.n, counted: r.counted, countedAt: r.countedAt,
		last: last.Offset, print: Fingerprint(last), shared: r.shared,
	}
	if r.shared {
		t.slide(anchor{m.at, m.judge.History})
		m.base = t.base
	}
	if t.limit == 0 {
		t.marks = append(t.marks[:0], m)
		return
	}
	m.positions = r.Inputs()
	t.marks = append(t.marks, m)
	if len(t.marks) <= t.limit {
		return
	}
	kept, older := t.marks[:0], len(t.marks)/2
	for i, m := range t.marks {
		if i >= older || i%2 == 0 {
			kept = append(kept, m)
		}
	}
	t.marks = kept
}

// stands returns the newest mark up to which the log still holds what was read, and
// forgets those behind it; nil if there is none.
func (t *trail) stands(ctx context.Context, log Log) (*mark, error) {
	// All that is different comes behind all that is the same.
	low, high := 0, len(t.marks)
	for low < high {
		probe := (low + high) / 2
		found, err := t.marks[probe].compare(ctx, log)
		switch {
		case err != nil && !errors.Is(err, ErrHidden):
			return nil, err
		case err != nil, found == differs:
			high = probe
		default:
			low = probe + 1
		}
	}
	if t.marks = t.marks[:low]; low == 0 {
		return nil, nil
	}
	return &t.marks[low-1], nil
}

// resume lets a reader go on from the mark.
func (m *mark) resume(r *Reader) {
	r.judge, r.n, r.positions = m.judge, m.n, append(Positions(nil), m.positions...)
	r.counted, r.countedAt, r.next = m.counted, m.countedAt, m.at
}

// finding is what a comparison of a mark with the log finds.
type finding uint8

const (
	stands finding = iota
	differs
	deleted // so it cannot be compared
)

// compare tells whether the log holds what was read up to the mark.
func (m *mark) compare(ctx context.Context, log Log) (finding, error) {
	if m.shared {
		if found, err := retrace(ctx, log, m.base, anchor{m.at, m.judge.History}); found != deleted || err != nil {
			return found, err
		}
	}
	pages := pages{log: log}
	if m.counted.Records > 0 {
		r, found, err := pages.look(ctx, m.countedAt)
		if err != nil || found == differs {
			return differs, err
		}
		if r != nil {
			if h, _, _ := begin(r); h != m.counted { // It is empty if there is none.
				return differs, nil
			}
		}
	}
	r, found, err := pages.look(ctx, m.last)
	if r != nil && Fingerprint(r) != m.print {
		found = differs
	}
	return found, err
}

// ErrHidden says that a leader does not show what was read: it is new, and will,
// or what was read is lost, and nothing came in its place.
var ErrHidden = errors.New("the leader does not show (yet) what was read before")

// hiddenFor is how long it takes until ErrHidden means that it is lost.
const hiddenFor = 10 * time.Second

// look returns the record at an offset: nil if the log has none there, or no more.
func (p *pages) look(ctx context.Context, offset int64) (*events.Record, finding, error) {
	r, err := p.at(ctx, offset)
	start, _, outside := OutOfRange(err)
	switch {
	case outside:
		if start > offset {
			return nil, deleted, nil
		}
		return nil, differs, nil
	case errors.Is(err, errNoRecord) && p.kept[len(p.kept)-1].Next <= offset:
		return nil, differs, ErrHidden
	case errors.Is(err, errNoRecord):
		return nil, differs, nil
	}
	return r, stands, err
}

// compare tells whether the log still holds what was read. It costs one fetch as a
// rule, and is asked only when another term shows.
func (f *Follower) compare(ctx context.Context) (found finding, err error) {
	switch {
	case len(f.trail.marks) > 0:
		found, err = f.trail.marks[len(f.trail.marks)-1].compare(ctx, f.cfg.Log)
	case f.snapshot != nil: // Nothing was read behind it.
		found, err = f.compareSnapshot(ctx)
	}
	if !errors.Is(err, ErrHidden) {
		f.hidden = time.Time{}
		return found, err
	}
	now := f.cfg.Now()
	if f.hidden.IsZero() {
		f.hidden = now
	}
	if now.Sub(f.hidden) >= hiddenFor {
		f.hidden = time.Time{}
		return differs, nil
	}
	return found, err
}

func (f *Follower) compareSnapshot(ctx context.Context) (finding, error) {
	start, _, err := Bounds(ctx, f.cfg.Log)
	if err != nil || start > f.snapshot.Offset {
		return deleted, err
	}
	same, err := belongs(ctx, f.cfg.Log, start, f.snapshot)
	if same {
		return stands, err
	}
	return differs, err
}

// Fingerprint tells a record from every other one that might stand in its place.
func Fingerprint(r *events.Record) uint64 {
	var d xxhash.Digest
	var scratch [8]byte
	d.Reset()
	binary.BigEndian.PutUint64(scratch[:], uint64(r.Timestamp))
	_, _ = d.Write(scratch[:])
	for _, part := range [2][]byte{r.Key, r.Value} {
		writeLength(&d, &scratch, part)
		_, _ = d.Write(part)
	}
	for i := range r.Headers {
		writeLength(&d, &scratch, r.Headers[i].Value)
		_, _ = d.Write(r.Headers[i].Value)
	}
	return d.Sum64()
}
