package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TroubleEvery is how often Trouble tells again of what is still in the way.
const TroubleEvery = 30 * time.Second

// Health says what is in a follower's way.
type Health struct {
	// Err is what happened last; nil: nothing is in the way.
	Err error
	// Doing is what is tried again: "begin" or "read".
	Doing string
	// Since is when the first of these errors happened; Tries is how many there were.
	Since time.Time
	Tries int
}

// health is what Trouble was told of.
type health struct {
	Health
	told time.Time
}

// Health returns what is in the way.
func (f *Follower) Health() Health { return f.health.Health }

// note takes what became of a step into Health.
func (f *Follower) note(ctx context.Context, doing string, err error) error {
	h := &f.health
	switch {
	case err == nil && h.Err == nil, err != nil && ctx.Err() != nil:
		return err
	case err == nil && doing == "begin":
		return nil // Nothing was read yet.
	case err == nil:
		*h = health{}
		f.tell()
		return nil
	}
	now := f.cfg.Now()
	first := h.Err == nil
	if first {
		h.Since = now
	}
	h.Err, h.Doing = err, doing
	h.Tries++
	if first || Final(err) || now.Sub(h.told) >= TroubleEvery {
		h.told = now
		f.tell()
	}
	return err
}

func (f *Follower) tell() {
	if f.cfg.Hooks.Trouble != nil {
		f.cfg.Hooks.Trouble(f.health.Health)
	}
}

// OvertakenError says that what was to be read next was deleted, or just all that was
// read before, so that it cannot be compared with the log. A follower without
// a fold goes on behind it when it is stepped again; one with a fold takes a
// snapshot, and says so in Began.
type OvertakenError struct {
	Topic     string
	Partition int32
	// Next is what was to be read, Start where the log begins.
	Next, Start int64
}

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("what stood from %d to %d of %s/%d was deleted before it was read; read on from %d",
		e.Next, e.Start, e.Topic, e.Partition, e.Start)
}

// Final tells whether an error of a Follower is for its user to act on: to try
// again changes nothing. *LossError: the state is lost; *VersionError: this binary
// is too old; *OvertakenError: there is a gap; and what the broker denies.
func Final(err error) bool {
	var loss *LossError
	var version *VersionError
	var overtaken *OvertakenError
	return errors.As(err, &loss) || errors.As(err, &version) || errors.As(err, &overtaken) || IsDenied(err)
}
