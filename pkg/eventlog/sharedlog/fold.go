package sharedlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// Fold is the fold of a shared log: the rule of calls around a core. It is an
// eventlog.Fold, and for one goroutine.
type Fold struct {
	core    Core
	calls   calls
	now     int64 // the time of the log
	movedAt int64 // the offset of the record that moved it last, -1 at first

	// Decided, if set, is told of every call that is decided, when the core has folded it.
	Decided func(c *Call, v Verdict)
	// Repeated, if set, is told of every record that is a copy of a call; v is what the
	// first one got.
	Repeated func(c *Call, v Verdict)
	// Premature, if set, is told of every record whose seen lies behind its own offset: it
	// decides nothing. It is told to Foreign instead if it is not meant for this log (Named).
	Premature func(c *Call)
	Foreign   func(c *Call)
}

// NewFold returns the fold of nothing. horizon is Horizon but in tests.
func NewFold(core Core, horizon int64) *Fold {
	return &Fold{core: core, calls: newCalls(horizon), movedAt: -1}
}

// Core is what the fold wraps. It may be looked at until the next Apply.
func (f *Fold) Core() Core { return f.core }

// Now is the time of the log, in milliseconds since the log began, and the offset of the
// record that moved it last: -1 if none did.
func (f *Fold) Now() (now, movedAt int64) { return f.now, f.movedAt }

// Due is when something ends by time next; math.MaxInt64 if nothing does.
func (f *Fold) Due() int64 { return f.core.Due() }

// Verdict returns what was decided of a call, if it is remembered.
func (f *Fold) Verdict(id CallID) (v Verdict, ok bool) { return f.calls.verdict(id) }

// Remembered is how many calls are.
func (f *Fold) Remembered() int { return len(f.calls.order) }

// Apply folds one record with a call. A record without one never comes here.
func (f *Fold) Apply(l events.Logged) {
	if l.Call == nil {
		return
	}
	c := &Call{ID: l.Call.ID, Seen: l.Call.Seen, Offset: l.Offset, Now: f.now, Type: l.Type, Message: l.Message}
	f.calls.forget(l.Offset)
	// A writer cannot have seen what comes after its record, unless the log has lost its
	// tail since, or it had seen another log of the name. It decides nothing: a copy of it that comes later may stand behind what
	// was seen, so what is decided here would have to be remembered for ever.
	if c.Seen > c.Offset {
		told := f.Premature
		if named, ok := f.core.(Named); ok && named.Foreign(c) {
			told = f.Foreign
		}
		if told != nil {
			told(c)
		}
		return
	}
	if v, known := f.calls.verdict(c.ID); known {
		if f.Repeated != nil {
			f.Repeated(c, v)
		}
		return
	}
	v := Verdict{Offset: c.Offset, Code: f.decide(c)}
	if v.Code != events.CodeTooLate { // Every copy of it is too late, too.
		f.calls.remember(c.ID, v)
	}
	if f.Decided != nil {
		f.Decided(c, v)
	}
}

func (f *Fold) decide(c *Call) events.Code {
	if c.Seen < 0 || c.Offset-c.Seen > f.calls.horizon {
		return events.CodeTooLate
	}
	passed, ok := c.Message.(*events.LogTimePassed)
	if !ok {
		return f.core.Decide(c)
	}
	if passed.FromMs != f.now {
		return events.CodeTimeMoved
	}
	// A move by nothing would leave the time as it was, so that another keeper, which has
	// measured from the move before, would move it on by what passed before this one.
	if passed.ToMs <= f.now || passed.ToMs-f.now > MaxPassed || passed.ToMs > math.MaxInt64/2 {
		return events.CodeBadData
	}
	f.now, f.movedAt = passed.ToMs, c.Offset
	f.core.Pass(f.now, c.Offset)
	return ""
}

// MaxPassed is how far one record may move the time of a log: an hour, in milliseconds.
const MaxPassed = 3_600_000

// Snapshot appends the state to dst: the time, the calls, then what the core has.
func (f *Fold) Snapshot(dst []byte) []byte {
	return f.core.Snapshot(f.calls.append(appendTime(dst, f.now, f.movedAt)))
}

// appendTime appends the beginning of a state: its version, and the time of the log.
func appendTime(dst []byte, now, movedAt int64) []byte {
	dst = append(dst, foldVersion)
	dst = binary.AppendUvarint(dst, uint64(now))
	return binary.AppendUvarint(dst, uint64(movedAt+1))
}

// Restore makes the state of a fresh fold equal to the one that gave these bytes.
func (f *Fold) Restore(state []byte) error {
	if len(state) == 0 {
		return errors.New("restore a shared log: the state is empty")
	}
	if state[0] != foldVersion {
		return &newerError{version: uint32(state[0])}
	}
	now, state := uvarint(state[1:])
	moved, state := uvarint(state)
	if now > math.MaxInt64/2 || moved > math.MaxInt64/2 {
		return errors.New("restore a shared log: its time is malformed")
	}
	f.now, f.movedAt = int64(now), int64(moved)-1
	rest, err := f.calls.restore(state)
	if err != nil {
		return fmt.Errorf("restore a shared log: %w", err)
	}
	return f.core.Restore(rest)
}

// newerError says that a state is of a version which this binary does not know.
type newerError struct{ version uint32 }

func (e *newerError) Error() string {
	return fmt.Sprintf("restore a shared log: the state has version %d; this binary knows %d", e.version, foldVersion)
}

// NewerVersion is how package eventlog recognises the error.
func (e *newerError) NewerVersion() (version, known uint32) { return e.version, foldVersion }

// Floor is the lowest offset of the log that the state still refers to.
func (f *Fold) Floor() int64 { return f.core.Floor() }

// FoldVersion is the version of the fold.
func (f *Fold) FoldVersion() uint32 { return foldVersion }

const foldVersion = 1
