package sharedlogtest

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Seats is a core with a bounded number of seats. QueueEnqueued takes the one that its ID
// names, QueueRemoved gives it back, and QueueClaimed takes it for a lease.
type Seats struct {
	Room  int
	Taken map[string]*Seat
	now   int64
}

// Seat is one that is taken.
type Seat struct {
	// At is the offset of the call that took it.
	At int64
	// Lease is how long, in milliseconds, from the next move of the time on; 0: for ever.
	Lease int64
	// Ends is when the lease ends, once it has begun.
	Ends int64
}

// NewSeats makes a core.
func NewSeats(room int) *Seats { return &Seats{Room: room, Taken: map[string]*Seat{}} }

// Decide implements sharedlog.Core.
func (s *Seats) Decide(c *sharedlog.Call) events.Code {
	switch m := c.Message.(type) {
	case *events.QueueEnqueued:
		return s.take(m.Id, &Seat{At: c.Offset})
	case *events.QueueClaimed:
		if len(m.Ids) != 1 || m.LeaseMs <= 0 {
			return events.CodeBadData
		}
		return s.take(m.Ids[0], &Seat{At: c.Offset, Lease: m.LeaseMs})
	case *events.QueueRemoved:
		if s.Taken[m.Id] == nil {
			return events.CodeAlreadyRemoved
		}
		delete(s.Taken, m.Id)
		return ""
	}
	return events.CodeBadData
}

func (s *Seats) take(id string, seat *Seat) events.Code {
	switch {
	case s.Taken[id] != nil:
		return events.CodeDuplicateEntry
	case len(s.Taken) >= s.Room:
		return events.CodeQueueFull
	}
	s.Taken[id] = seat
	return ""
}

// Pass implements sharedlog.Core.
func (s *Seats) Pass(now, _ int64) {
	s.now = now
	for id, seat := range s.Taken {
		switch {
		case seat.Lease > 0 && seat.Ends == 0:
			seat.Ends = now + seat.Lease
		case seat.Lease > 0 && seat.Ends <= now:
			delete(s.Taken, id)
		}
	}
}

// Due implements sharedlog.Core.
func (s *Seats) Due() int64 {
	due := int64(math.MaxInt64)
	for _, seat := range s.Taken {
		switch {
		case seat.Lease > 0 && seat.Ends == 0:
			due = min(due, s.now+1)
		case seat.Lease > 0:
			due = min(due, seat.Ends)
		}
	}
	return due
}

// Floor implements sharedlog.Core.
func (s *Seats) Floor() int64 { return math.MaxInt64 }

// Snapshot implements sharedlog.Core.
func (s *Seats) Snapshot(dst []byte) []byte {
	dst = binary.AppendVarint(dst, s.now)
	for _, id := range slices.Sorted(maps.Keys(s.Taken)) {
		seat := s.Taken[id]
		dst = append(binary.AppendUvarint(dst, uint64(len(id))), id...)
		dst = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(dst, seat.At), seat.Lease), seat.Ends)
	}
	return dst
}

var errSeats = errors.New("the seats in the state are malformed")

// Restore implements sharedlog.Core.
func (s *Seats) Restore(b []byte) error {
	number := func() (v int64) {
		var n int
		if v, n = binary.Varint(b); n <= 0 {
			b = nil
			return -1
		}
		b = b[n:]
		return v
	}
	s.now = number()
	for len(b) > 0 {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return errSeats
		}
		id := string(b[n:][:length])
		b = b[n+int(length):]
		s.Taken[id] = &Seat{At: number(), Lease: number(), Ends: number()}
	}
	return nil
}
