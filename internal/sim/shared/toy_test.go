package shared

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// toy is a small core in which every mistake of a shared log shows: it is bounded, its
// state depends on where calls stand, a removal counts once, and leases end by time.
type toy struct {
	entries []entry // in the order of their places
	// made and taken are how many entries were ever put in, and taken out.
	made, taken uint64
	digest      uint64 // of all that was folded, with its place
	// early: a lease counts from the last move of time, not from the next one.
	early bool
	// floorless: it does not say what it still refers to.
	floorless bool
	// ended, if set, is told of each lease that ends by time.
	ended func(token, offset int64)
}

type entry struct {
	id    string
	seq   int64 // where it stands in the log, and what it holds
	token int64 // of its claim; -1: none
	lease int64 // how long, if it has not begun: it begins with the next move of time
	ends  int64
}

// toyBound is how many entries there may be.
const toyBound = 6

// Decide implements sharedlog.Core.
func (t *toy) Decide(c *sharedlog.Call) events.Code {
	code := t.decide(c)
	if code == "" {
		t.mix(uint64(c.Offset))
	}
	return code
}

func (t *toy) decide(c *sharedlog.Call) events.Code {
	switch m := c.Message.(type) {
	case *events.QueueEnqueued:
		switch {
		case t.find(m.Id) != nil:
			return events.CodeDuplicateEntry
		case len(t.entries) >= toyBound:
			return events.CodeQueueFull
		}
		t.entries = append(t.entries, entry{id: m.Id, seq: c.Offset, token: -1})
		t.made++
		return ""
	case *events.QueueRemoved:
		return t.take(t.find(m.Id), events.CodeUnknownEntry)
	case *events.QueueClaimed:
		for i := range t.entries {
			if e := &t.entries[i]; e.token < 0 {
				e.token = c.Offset
				t.begin(e, c.Now, m.LeaseMs)
				return ""
			}
		}
		return events.CodeNothingToClaim
	case *events.QueueClaimExtended:
		e := t.claimed(m.Token)
		if e == nil {
			return events.CodeStaleClaim
		}
		t.begin(e, c.Now, m.LeaseMs)
		return ""
	case *events.QueueDone:
		return t.take(t.claimed(m.Token), events.CodeStaleClaim)
	}
	return events.CodeUnknownType
}

// begin lets a lease begin with the next move of time: nothing in the log tells how long
// ago the last one was.
func (t *toy) begin(e *entry, now, lease int64) {
	if t.early {
		e.ends = max(e.ends, now+lease)
		return
	}
	e.lease = max(e.lease, lease)
}

func (t *toy) take(e *entry, missing events.Code) events.Code {
	if e == nil {
		return missing
	}
	at := slices.IndexFunc(t.entries, func(other entry) bool { return other.id == e.id })
	t.entries = slices.Delete(t.entries, at, at+1)
	t.taken++
	return ""
}

func (t *toy) find(id string) *entry {
	return t.first(func(e *entry) bool { return e.id == id })
}

func (t *toy) claimed(token int64) *entry {
	return t.first(func(e *entry) bool { return e.token == token && token >= 0 })
}

func (t *toy) first(is func(*entry) bool) *entry {
	for i := range t.entries {
		if is(&t.entries[i]) {
			return &t.entries[i]
		}
	}
	return nil
}

// Pass implements sharedlog.Core.
func (t *toy) Pass(now, offset int64) {
	t.mix(uint64(offset))
	t.mix(uint64(now))
	for i := range t.entries {
		e := &t.entries[i]
		if e.lease > 0 {
			e.ends, e.lease = max(e.ends, now+e.lease), 0
		}
		if e.token >= 0 && e.ends <= now {
			if t.ended != nil {
				t.ended(e.token, offset)
			}
			e.token, e.ends = -1, 0
		}
	}
}

// Due implements sharedlog.Core. A lease that has not begun is due at once.
func (t *toy) Due() int64 {
	due := int64(math.MaxInt64)
	for i := range t.entries {
		switch e := &t.entries[i]; {
		case e.lease > 0:
			return 0
		case e.token >= 0:
			due = min(due, e.ends)
		}
	}
	return due
}

// Floor implements sharedlog.Core: what entries hold stands in the log only.
func (t *toy) Floor() int64 {
	if len(t.entries) == 0 || t.floorless {
		return math.MaxInt64
	}
	return t.entries[0].seq
}

func (t *toy) mix(x uint64) { t.digest = (t.digest<<5 | t.digest>>59 ^ x) * 0x9e3779b97f4a7c15 }

// Snapshot implements sharedlog.Core.
func (t *toy) Snapshot(dst []byte) []byte {
	for _, n := range []uint64{t.made, t.taken, t.digest, uint64(len(t.entries))} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, e := range t.entries {
		dst = append(binary.AppendUvarint(dst, uint64(len(e.id))), e.id...)
		for _, n := range []int64{e.seq, e.token, e.lease, e.ends} {
			dst = binary.AppendVarint(dst, n)
		}
	}
	return dst
}

var errToy = errors.New("not a state of the toy core")

// Restore implements sharedlog.Core.
func (t *toy) Restore(state []byte) error {
	var numbers [4]uint64
	for i := range numbers {
		v, n := binary.Uvarint(state)
		if n <= 0 {
			return errToy
		}
		numbers[i], state = v, state[n:]
	}
	t.made, t.taken, t.digest = numbers[0], numbers[1], numbers[2]
	for range numbers[3] {
		length, n := binary.Uvarint(state)
		if n <= 0 || length > uint64(len(state)-n) {
			return errToy
		}
		state = state[n:]
		e := entry{id: string(state[:length])}
		state = state[length:]
		for _, into := range []*int64{&e.seq, &e.token, &e.lease, &e.ends} {
			v, n := binary.Varint(state)
			if n <= 0 {
				return errToy
			}
			*into, state = v, state[n:]
		}
		t.entries = append(t.entries, e)
	}
	return nil
}
