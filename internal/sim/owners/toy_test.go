package owners

import (
	"encoding/binary"
	"errors"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// toy is the smallest core in which every kind of mistake of the runtime shows:
// it does not recognise an input that it is given twice, its state depends on
// where its events stand, and it owes events that only Advance pays.
type toy struct {
	owed   []uint64 // inputs whose TaskStarted is not emitted yet
	count  int
	digest uint64 // of all that was applied, with its place
}

const (
	toyParts   = 2 // partitions that it publishes to
	toyAdvance = 3 // events per Advance
)

// toyEvents is how many events an input causes, besides what it makes owed.
func toyEvents(input uint64) int { return int(input % 4) }

func newToy() eventlog.Core[struct{}] { return &toy{} }

func newToyFold() eventlog.Fold { return &toy{} }

// Snapshot implements eventlog.Fold.
func (c *toy) Snapshot(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.count))
	dst = binary.AppendUvarint(dst, c.digest)
	for _, input := range c.owed {
		dst = binary.AppendUvarint(dst, input)
	}
	return dst
}

// Restore implements eventlog.Fold.
func (c *toy) Restore(state []byte) error {
	var numbers []uint64
	for len(state) > 0 {
		v, n := binary.Uvarint(state)
		if n <= 0 {
			return errors.New("not a state of the toy core")
		}
		numbers, state = append(numbers, v), state[n:]
	}
	if len(numbers) < 2 {
		return errors.New("a state of the toy core is cut short")
	}
	c.count, c.digest, c.owed = int(numbers[0]), numbers[1], numbers[2:]
	return nil
}

// FoldVersion implements eventlog.Fold.
func (c *toy) FoldVersion() uint32 { return 1 }

// Floor implements eventlog.Fold.
func (c *toy) Floor() int64 { return math.MaxInt64 }

func (c *toy) mix(x uint64) { c.digest = (c.digest<<5 | c.digest>>59 ^ x) * 0x9e3779b97f4a7c15 }

func (c *toy) Apply(l events.Logged) {
	c.count++
	c.mix(uint64(l.Offset))
	c.mix(uint64(l.Epoch)<<32 | uint64(l.N))
	switch m := l.Message.(type) {
	case *events.TaskProgressed:
		c.mix(m.Token<<8 | uint64(m.Attempt))
		if m.Attempt == 0 {
			c.owed = append(c.owed, m.Token)
		}
	case *events.TaskStarted:
		c.mix(m.Token)
		if len(c.owed) > 0 && c.owed[0] == m.Token {
			c.owed = c.owed[1:]
		}
	}
}

func (c *toy) Decide(in events.Input[struct{}], now events.Clock, emit func(proto.Message)) {
	for i := range toyEvents(uint64(in.Offset)) {
		emit(&events.TaskProgressed{Token: uint64(in.Offset), Attempt: int32(i), AtMs: now.Now})
	}
}

func (c *toy) Advance(now events.Clock, emit func(proto.Message)) (more bool) {
	for range min(toyAdvance, len(c.owed)) {
		emit(&events.TaskStarted{Token: c.owed[0], AtMs: now.Now})
	}
	return len(c.owed) > 0
}

func (c *toy) Publish(l events.Logged, send func(events.Outgoing)) {
	if to, ok := toyPublished(l.Message); ok {
		send(events.Outgoing{Topic: "published", Partition: to, Message: l.Message})
	}
}

// toyPublished says to which partition a message is published, if it is.
func toyPublished(m proto.Message) (int32, bool) {
	switch m := m.(type) {
	case *events.TaskProgressed:
		return int32(m.Token % toyParts), m.Attempt != 1
	case *events.TaskStarted:
		return int32((m.Token + 1) % toyParts), true
	}
	return 0, false
}
