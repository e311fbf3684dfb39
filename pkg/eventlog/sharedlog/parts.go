package sharedlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Parts is how a kind of core is folded whose state is not held: it stands in a file as
// Snapshot writes it, and what a few calls look at is taken out, folded, and merged back.
// One goroutine calls it.
type Parts interface {
	// Brief drops from a message, which it may change, what Decide does not look at, and
	// returns about how many bytes of memory the message and its effects take. m may be nil.
	Brief(m proto.Message) int
	// Open takes a whole state, and checks it; it is called before all others.
	Open(whole *io.SectionReader) error
	// Part appends to dst a state of which a core decides these calls as it would of the
	// whole one.
	Part(dst []byte, whole *io.SectionReader, calls []proto.Message) ([]byte, error)
	// Core returns the empty core that is to be restored to what Part appended last.
	Core() Core
	// Merge writes the whole state that follows from the one before, and from the state of
	// that core once it has folded the calls. What w returns is not looked at here.
	Merge(w *bufio.Writer, whole *io.SectionReader, part []byte) error
}

// FileFold is a Fold whose state stands in a file: its memory follows Window, and not how
// much the state holds. It is for what reads a log once: each so many calls are folded by
// one pass over the file and another one that writes it anew. Restored, and after Settle,
// its state is, byte for byte, that of a Fold. Close it when done.
type FileFold struct {
	parts   Parts
	horizon int64
	dir     string
	window  int

	file   *os.File // the whole state
	size   int64
	core   int64 // where the state of the core begins in it
	calls  []pending
	memory int // of the calls
	err    error
}

// pending is a call that is not folded yet.
type pending struct {
	events.Logged
	called events.Called
}

// Window is about how many bytes of memory calls take that are folded at once.
const Window = 24 << 20

// NewFileFold returns the fold of nothing. Its files are in a directory, that for temporary
// files if it is empty. horizon is Horizon, and window Window, but in tests.
func NewFileFold(parts Parts, dir string, horizon int64, window int) *FileFold {
	f := &FileFold{parts: parts, horizon: horizon, dir: dir, window: window}
	f.err = f.write(func(w *bufio.Writer) error {
		_, err := w.Write(NewFold(parts.Core(), horizon).Snapshot(nil))
		return err
	})
	if f.err == nil {
		f.err = f.open()
	}
	return f
}

// Err is what is in the way of the file, such as a full disk; nothing is folded then.
func (f *FileFold) Err() error { return f.err }

// Apply takes a call. It is folded with others, later.
func (f *FileFold) Apply(l events.Logged) {
	if l.Call == nil || f.err != nil {
		return
	}
	f.memory += f.parts.Brief(l.Message)
	f.calls = append(f.calls, pending{l, *l.Call})
	if f.memory >= f.window {
		f.err = f.fold()
	}
}

// Settle folds what was taken so far.
func (f *FileFold) Settle() error {
	if f.err == nil && len(f.calls) > 0 {
		f.err = f.fold()
	}
	return f.err
}

// Core is the state of the core, as of the last Settle.
func (f *FileFold) Core() *io.SectionReader {
	return io.NewSectionReader(f.file, f.core, f.size-f.core)
}

// Close gives the file up.
func (f *FileFold) Close() {
	if f.file != nil {
		_ = f.file.Close()
		_ = os.Remove(f.file.Name()) // Where that could not be done while it was open.
	}
}

// fold folds the calls that were taken.
func (f *FileFold) fold() error {
	s := f.stored()
	messages := make([]proto.Message, len(f.calls))
	ids := make(map[CallID]struct{}, len(f.calls))
	for i := range f.calls {
		messages[i] = f.calls[i].Message
		ids[f.calls[i].called.ID] = struct{}{}
	}
	first, last := f.calls[0].Offset, f.calls[len(f.calls)-1].Offset
	part, kept := s.part(ids, last-f.horizon)
	if s.err != nil {
		return fmt.Errorf("read the state of a shared log: %w", s.err)
	}
	state, err := f.parts.Part(part, f.Core(), messages)
	if err != nil {
		return fmt.Errorf("take a part of the state of a shared log: %w", err)
	}
	fold := NewFold(f.parts.Core(), f.horizon)
	if err := fold.Restore(state); err != nil {
		return fmt.Errorf("a part of the state of a shared log: %w", err)
	}
	for i := range f.calls {
		f.calls[i].Call = &f.calls[i].called
		fold.Apply(f.calls[i].Logged)
		f.calls[i] = pending{}
	}
	f.calls, f.memory = f.calls[:0], 0
	return f.merge(fold, kept, first, last-f.horizon)
}

// merge makes the new state of the one that stands in the file and of a part: of the calls
// that were decided before, so many at or behind an offset stay.
func (f *FileFold) merge(fold *Fold, kept int, first, oldest int64) error {
	before, core := f.file, f.Core()
	old := f.stored()
	var at int64
	err := f.write(func(w *bufio.Writer) error {
		n, err := old.merge(w, fold, kept, first, oldest)
		if at = n; err != nil {
			return err
		}
		return f.parts.Merge(w, core, fold.core.Snapshot(nil))
	})
	_ = before.Close()
	_ = os.Remove(before.Name())
	f.core = at
	if err != nil {
		return fmt.Errorf("write the state of a shared log: %w", err)
	}
	return nil
}

// write makes a new file with a state. What it replaces stays open.
func (f *FileFold) write(state func(w *bufio.Writer) error) error {
	file, err := os.CreateTemp(f.dir, "spanway-state-*")
	if err != nil {
		return fmt.Errorf("create a temporary file for the state of a shared log: %w; give it a directory with room by TMPDIR", err)
	}
	_ = os.Remove(file.Name()) // Where that cannot be done while it is open, Close does it.
	f.file = file
	w := bufio.NewWriterSize(file, 256<<10)
	err = state(w)
	if full := w.Flush(); full != nil {
		return fmt.Errorf("write the state of a shared log to a temporary file: %w; give it a directory with room by TMPDIR", full)
	}
	if err != nil {
		return err
	}
	f.size, err = file.Seek(0, io.SeekCurrent)
	return err
}

// Restore makes the state that which gave these bytes.
func (f *FileFold) Restore(state []byte) error { return f.RestoreFrom(bytes.NewReader(state)) }

// RestoreFrom is Restore for a state that is not held.
func (f *FileFold) RestoreFrom(state io.Reader) error {
	_, err := f.file.Seek(0, io.SeekStart)
	if err == nil {
		f.size, err = io.Copy(f.file, state)
	}
	if err == nil {
		err = f.file.Truncate(f.size)
	}
	if err != nil {
		err = fmt.Errorf("restore a shared log: %w", err)
		if unwritable(err) {
			f.err = err
		}
		return err
	}
	return f.open()
}

// unwritable tells an error of the file from one of what was to be written.
func unwritable(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) || errors.Is(err, os.ErrInvalid)
}

// open checks the state in the file.
func (f *FileFold) open() error {
	s := f.stored()
	for _, ok := s.next(); ok; _, ok = s.next() {
	}
	if s.err != nil {
		return s.err
	}
	f.core = s.at
	return f.parts.Open(f.Core())
}

// Snapshot appends the state as of the last Settle.
func (f *FileFold) Snapshot(dst []byte) []byte {
	state := make([]byte, f.size)
	if _, err := f.file.ReadAt(state, 0); err != nil && f.err == nil {
		f.err = fmt.Errorf("read the state of a shared log: %w", err)
	}
	return append(dst, state...)
}

// FoldVersion is the version of the fold.
func (f *FileFold) FoldVersion() uint32 { return foldVersion }

// Floor is that of what may not be known: all of the log.
func (f *FileFold) Floor() int64 { return 0 }
