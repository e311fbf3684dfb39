package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// errBeyond says that a snapshot is of records that the log does not hold.
var errBeyond = errors.New("it is of records that the log does not hold (any more)")

// listings bounds how often the snapshots are listed because records were deleted while
// they were compared with the log.
const listings = 4

// Usable returns the complete snapshots whose offset the log holds and whose
// history is that of the log there, newest by log offset first. Those that are of
// records which the log lost are returned as beyond.
//
// Records may be deleted between the listing and the comparison: newer snapshots stand for
// what they held by then, so they are listed again. It is an error only if nothing is of
// use at last.
func (s *Snapshots) Usable(ctx context.Context, log Log) (usable, beyond []Stored, err error) {
	for try := 1; ; try++ {
		var overtaken error
		usable, beyond, overtaken, err = s.compare(ctx, log)
		if err != nil {
			return nil, nil, err
		}
		if overtaken != nil && try < listings {
			continue
		}
		if overtaken != nil && len(usable) == 0 {
			return nil, nil, overtaken
		}
		for _, st := range beyond {
			s.bad(st.Manifest, errBeyond)
		}
		return usable, beyond, nil
	}
}

// compare lists the snapshots and compares each with the log. overtaken is why one could
// not be compared: records were deleted or lost meanwhile.
func (s *Snapshots) compare(ctx context.Context, log Log) (usable, beyond []Stored, overtaken, err error) {
	all, err := s.List(ctx)
	if err != nil || len(all) == 0 {
		return nil, nil, nil, err
	}
	start, end, err := Bounds(ctx, log)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, st := range all {
		m := st.Manifest
		if m.Offset > end {
			beyond = append(beyond, st)
			continue
		}
		if m.Offset < start {
			continue // What follows it is gone.
		}
		fits, err := belongs(ctx, log, start, m)
		if err != nil {
			err = fmt.Errorf("compare the snapshot at %d with the log: %w", m.Offset, err)
		}
		switch {
		case IsOutOfRange(err):
			overtaken = err
		case err != nil:
			return nil, nil, nil, err
		case fits:
			usable = append(usable, st)
		default:
			beyond = append(beyond, st)
		}
	}
	return usable, beyond, overtaken, nil
}

// belongs tells whether the log has, at a snapshot's offset, the history of the
// snapshot. A batch that landed where its writer expected shows the history there.
// Snapshots stand behind such a batch; where it is truncated, the one before which
// they stand has to do.
func belongs(ctx context.Context, log Log, start int64, m *events.LogSnapshot) (bool, error) {
	if ofShared(m) {
		return showsLast(ctx, log, start, m)
	}
	if m.Offset == start {
		return precedes(ctx, log, m)
	}
	for back := int64(256); ; back *= 16 {
		from := max(start, m.Offset-back)
		found, same, err := endsWith(ctx, log, from, m)
		switch {
		case err != nil || found:
			return same, err
		case from == start && start > 0: // What begins there is the rest of a batch.
			return precedes(ctx, log, m)
		case from == start:
			return false, nil
		}
	}
}

// showsLast tells whether a shared log holds what a snapshot is of: it is read again from
// a place before the snapshot on, or, where that was deleted, its newest record is
// compared. Where that was, too, nothing shows that it is another.
func showsLast(ctx context.Context, log Log, start int64, m *events.LogSnapshot) (bool, error) {
	switch {
	case m.Last < start:
		return true, nil
	case m.Back >= start:
		found, err := retrace(ctx, log, anchor{m.Back, m.BackHistory}, anchor{m.Offset, m.History})
		if found != deleted || err != nil {
			return found == stands, err
		}
	}
	pages := pages{log: log}
	r, found, err := pages.look(ctx, m.Last)
	return found == stands && r != nil && Fingerprint(r) == m.Print, err
}

// precedes tells whether what stands behind a snapshot's offset may follow from its
// history.
func precedes(ctx context.Context, log Log, m *events.LogSnapshot) (bool, error) {
	page, err := log.Fetch(ctx, m.Offset, 0)
	if err != nil {
		return false, err
	}
	if len(page.Records) == 0 || page.Records[0].Offset != m.Offset {
		return true, nil
	}
	h, first, malformed := begin(&page.Records[0])
	says := first && malformed == nil && h.At == m.Offset
	return !says || h.Prev == m.History, nil
}

// endsWith looks for the last batch before a snapshot's offset, and tells whether
// it is the one behind which the snapshot was taken. All of it must be there.
func endsWith(ctx context.Context, log Log, from int64, m *events.LogSnapshot) (found, same bool, err error) {
	var last Header
	var at, records int64
	for next := from; next < m.Offset; {
		page, err := log.Fetch(ctx, next, longPoll)
		if err != nil {
			return false, false, err
		}
		for i := range page.Records {
			r := &page.Records[i]
			if r.Offset < next || r.Offset >= m.Offset {
				continue
			}
			if h, first, err := begin(r); first {
				found, last, at, records = err == nil, h, r.Offset, 0
			}
			records++
		}
		if page.Next == next {
			break
		}
		next = page.Next
	}
	same = found && last.At == at && records == int64(last.Records) && at+records == m.Offset &&
		last.Hash == m.History && last.Epoch == m.Epoch
	return found, same, nil
}

// Restore returns the newest usable snapshot and the fold of everything below it;
// nil if there is none, or only such as are of no use. Of a Streamed fold of a shared
// log it returns the manifest alone. One that turns out to be corrupt is reported, and the one before it is used.
func (s *Snapshots) Restore(ctx context.Context, usable []Stored, newFold func() Fold) (*Snapshot, Fold, error) {
	for _, st := range usable {
		snap, fold, err := s.restore(ctx, st, newFold)
		var bad *corrupt
		switch {
		case err == nil:
			return snap, fold, nil
		case errors.As(err, &bad):
			s.bad(st.Manifest, err)
		default:
			return nil, nil, err
		}
	}
	return nil, nil, nil
}

func (s *Snapshots) restore(ctx context.Context, st Stored, newFold func() Fold) (snap *Snapshot, fold Fold, err error) {
	fold = newFold()
	if streamed, ok := fold.(Streamed); ok && ofShared(st.Manifest) {
		snap, err = &Snapshot{Manifest: st.Manifest}, s.restoreFrom(ctx, st, streamed)
	} else {
		snap, err = s.loadInto(ctx, st, fold)
	}
	if err != nil {
		return nil, nil, err
	}
	if fold.FoldVersion() != st.Manifest.FoldVersion {
		return nil, nil, &VersionError{
			What: fmt.Sprintf("the fold of the snapshot at %d", st.Manifest.Offset), Version: st.Manifest.FoldVersion, Known: fold.FoldVersion(),
		}
	}
	return snap, fold, nil
}

// loadInto restores a fold from a snapshot that is held as a whole.
func (s *Snapshots) loadInto(ctx context.Context, st Stored, fold Fold) (*Snapshot, error) {
	snap, err := s.Load(ctx, st)
	if err != nil {
		return nil, err
	}
	_, state, err := snap.parts()
	if err == nil {
		err = fold.Restore(state)
	}
	if err != nil {
		return nil, restoring(st.Manifest, err)
	}
	return snap, nil
}

// restoring tells a state of a newer version, which is an error of this binary,
// from one that nobody can read.
func restoring(m *events.LogSnapshot, err error) error {
	err = fmt.Errorf("restore the snapshot at %d: %w", m.Offset, err)
	var v *VersionError
	var newer interface {
		NewerVersion() (version, known uint32)
	}
	switch {
	case errors.As(err, &v):
		return err
	case errors.As(err, &newer):
		version, known := newer.NewerVersion()
		return &VersionError{What: fmt.Sprintf("the fold of the snapshot at %d", m.Offset), Version: version, Known: known}
	}
	return &corrupt{err}
}
