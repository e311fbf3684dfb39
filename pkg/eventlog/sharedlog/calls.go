package sharedlog

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/spanway/spanway/internal/idmap"
	"github.com/spanway/spanway/pkg/events"
)

// calls remembers what was decided of calls for a horizon of offsets. Its memory is
// bounded by the horizon: at most one call for each offset, about 70 bytes each.
type calls struct {
	horizon int64
	// order holds them by offset; byID has their places in it, counted from the first
	// call ever. dropped is how many were taken off the front of order.
	order   []decided
	byID    *idmap.Map
	dropped int64
	// codes are those that verdicts refer to by index, in the order in which they
	// appeared; the first is that of acceptance.
	codes []events.Code
}

type decided struct {
	id     CallID
	offset int64
	code   uint8
}

// maxCodes is how many codes are told apart; cores have a dozen.
const maxCodes = 256

func newCalls(horizon int64) calls {
	return calls{horizon: horizon, byID: &idmap.Map{}, codes: []events.Code{""}}
}

func (c *calls) verdict(id CallID) (Verdict, bool) {
	at, ok := c.byID.Get(id)
	if !ok {
		return Verdict{}, false
	}
	d := &c.order[at-c.dropped]
	return Verdict{Code: c.codes[d.code], Offset: d.offset}, true
}

func (c *calls) remember(id CallID, v Verdict) {
	c.byID.Put(id, c.dropped+int64(len(c.order)))
	c.order = append(c.order, decided{id: id, offset: v.Offset, code: c.code(v.Code)})
}

// code is the index of a code. One that there is no room for becomes the last.
func (c *calls) code(code events.Code) uint8 {
	if i := slices.Index(c.codes, code); i >= 0 {
		return uint8(i)
	}
	if len(c.codes) == maxCodes {
		return maxCodes - 1
	}
	c.codes = append(c.codes, code)
	return uint8(len(c.codes) - 1)
}

// forget drops what no record at or behind an offset can repeat without being too late.
// A record of a call that was decided at o had seen at most o, so a copy of it is too late
// behind o + horizon.
func (c *calls) forget(offset int64) {
	n := 0
	for n < len(c.order) && c.order[n].offset+c.horizon < offset {
		c.byID.Delete(c.order[n].id)
		n++
	}
	c.order, c.dropped = c.order[n:], c.dropped+int64(n)
}

// append appends what is remembered to dst.
func (c *calls) append(dst []byte) []byte {
	dst = appendCodes(dst, c.codes)
	const each = len(CallID{}) + 3
	dst = slices.Grow(dst, each*len(c.order)) // Growing by and by copies it several times.
	dst = binary.AppendUvarint(dst, uint64(len(c.order)))
	last := int64(0)
	for i := range c.order {
		dst = c.order[i].append(dst, last)
		last = c.order[i].offset
	}
	return dst
}

func appendCodes(dst []byte, codes []events.Code) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(codes)))
	for _, code := range codes {
		dst = append(binary.AppendUvarint(dst, uint64(len(code))), code...)
	}
	return dst
}

// append appends a call, which stands behind one at an offset.
func (d *decided) append(dst []byte, last int64) []byte {
	dst = append(dst, d.id[:]...)
	return append(binary.AppendUvarint(dst, uint64(d.offset-last)), d.code)
}

var errCalls = errors.New("the calls in the state are malformed")

// restore reads what append wrote, and returns what follows it. It is safe on any bytes:
// nothing is allocated that the bytes do not hold.
func (c *calls) restore(state []byte) (rest []byte, err error) {
	n, state := uvarint(state)
	if n == 0 || n > maxCodes {
		return nil, errCalls
	}
	c.codes = c.codes[:0]
	for range n {
		var length uint64
		if length, state = uvarint(state); length > uint64(len(state)) {
			return nil, errCalls
		}
		c.codes = append(c.codes, events.Code(state[:length]))
		state = state[length:]
	}
	count, state := uvarint(state)
	const least = len(CallID{}) + 2
	if c.codes[0] != "" || count > uint64(len(state)/least) {
		return nil, errCalls
	}
	c.order = make([]decided, 0, count)
	ids := make([]idmap.ID, 0, count)
	last := int64(0)
	for range count {
		if len(state) < least {
			return nil, errCalls
		}
		id := CallID(state)
		var delta uint64
		delta, state = uvarint(state[len(id):])
		if len(state) == 0 || delta > 1<<62 || int(state[0]) >= len(c.codes) {
			return nil, errCalls
		}
		last += int64(delta)
		ids = append(ids, id)
		c.order = append(c.order, decided{id, last, state[0]})
		state = state[1:]
	}
	if c.byID = idmap.Of(ids, nil); c.byID.Len() != len(c.order) || last < 0 {
		return nil, errCalls
	}
	return state, nil
}

// uvarint reads a number; what is malformed leaves nothing to be read, and is the
// greatest number.
func uvarint(b []byte) (v uint64, rest []byte) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 1<<64 - 1, nil
	}
	return v, b[n:]
}
