package placement

import (
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// snapshotFormat is the first byte of a snapshot. It changes when what older
// binaries wrote can no longer be read by the same code.
const snapshotFormat = 1

// Snapshot appends the folded state to dst: equal states give equal bytes. It
// holds what later events and decisions depend on, and nothing that only the
// host knows: no payloads (they stand in the log), no timers, no index. It walks
// over everything.
func (s *State) Snapshot(dst []byte) []byte {
	c := codec{s: s, out: append(dst, snapshotFormat), numbers: make(map[string]int)}
	c.state()
	return c.out
}

// Restore makes the state of a fresh State equal to the one that gave these
// bytes, whoever wrote them. The Config must be of the same log, and the same in
// what it says of how much is kept. An error leaves the State as it was; it says
// at which byte what was expected. A *FoldVersionError means that the bytes are
// of a newer release.
func (s *State) Restore(state []byte) error {
	if len(state) == 0 || state[0] != snapshotFormat {
		return fmt.Errorf("restore a placement state: at byte 0 of %d: expected format %d; a newer release may have written it",
			len(state), snapshotFormat)
	}
	fresh := New(s.cfg)
	fresh.knows = s.knows
	c := codec{s: fresh, reading: true, in: state, at: 1}
	c.state()
	if c.err == nil && c.at < len(c.in) {
		c.fail("the end")
	}
	if c.err != nil {
		return c.err
	}
	*s = *fresh
	return nil
}

// Hash is equal for equal folded states: XXH64 of what Snapshot gives.
func (s *State) Hash() uint64 { return xxhash.Sum64(s.Snapshot(nil)) }

// state visits all that is folded.
func (c *codec) state() {
	s := c.s
	counter(c, &s.version)
	if c.reading && s.version > s.knows {
		c.err = fmt.Errorf("restore a placement state: %w", &FoldVersionError{Version: s.version, Known: s.knows})
		return
	}
	number(c, &s.next)
	number(c, &s.newest)
	number(c, &s.aged)
	counter(c, &s.tokens)
	n := c.length(len(s.order), leastPool)
	for i := 0; i < n && c.err == nil; i++ {
		if c.reading {
			c.pool(nil)
		} else {
			c.pool(s.order[i])
		}
	}
	if c.err != nil {
		return
	}
	c.window(&s.ended)
	c.keeper(&s.kept)
	c.dying(&s.dying)
}

// Floor is the lowest offset of the log that the state still refers to, or
// math.MaxInt64: where the payload stands of a task that has not ended, or whose
// copy for the dead letters may not have been published. It walks over the tasks.
// In version 1 nothing may be deleted: its log.truncated changes nothing, so kept
// tasks would go on to refer to what is gone.
func (s *State) Floor() int64 {
	if s.version < foldWhole {
		return 0
	}
	floor := int64(math.MaxInt64)
	for _, p := range s.order {
		for t := p.first; t != nil; t = t.next {
			floor = t.pin(floor)
		}
		for _, t := range p.importing.order {
			floor = t.pin(floor)
		}
	}
	for _, d := range s.dying.all() {
		floor = d.task.pin(floor)
	}
	return floor
}

// pin is the lower of floor and where t's payload stands.
func (t *task) pin(floor int64) int64 {
	if t.payloadLen != 0 {
		return min(floor, t.payloadAt)
	}
	return floor
}
