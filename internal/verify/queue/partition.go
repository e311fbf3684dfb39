package queue

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/calls"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

const g8 = "G8"

// Partition judges the log of one queue. It is for one goroutine.
type Partition struct {
	*calls.Partition
	memory chain.Memory
	counts Counts
	q      state

	// Decided, if set, is told of each call that is decided.
	Decided func(call [16]byte, offset int64, code events.Code)
}

// NewPartition judges the log of a queue from its beginning.
func NewPartition(topic string, o Options) *Partition {
	if o.Memory == nil {
		o.Memory = chain.Heap{}
	}
	p := &Partition{memory: o.Memory}
	p.Partition = calls.NewPartition(g8, topic, 0, o, &contents{judge: p})
	p.q.init(p.memory)
	return p
}

// contents are those of the log, if all of it is there.
type contents struct{ judge *Partition }

// Within implements calls.Contents: what the queue held is not known then.
func (c *contents) Within() bool {
	c.judge.q.partial = true
	return false
}

// Decide implements calls.Contents.
func (c *contents) Decide(call [16]byte, at int64, m proto.Message) events.Code {
	if c.judge.q.partial {
		return ""
	}
	return c.judge.decide(m, call, at)
}

// Meant implements calls.Named.
func (c *contents) Meant(m proto.Message) uint64 {
	if named, ok := m.(interface{ GetCreation() uint64 }); ok {
		return named.GetCreation()
	}
	return 0
}

// Name implements calls.Named: the first bytes of the ID of the call that created the queue.
func (c *contents) Name() uint64 { return binary.BigEndian.Uint64(c.judge.q.creator[:8]) }

// Pass implements calls.Contents.
func (c *contents) Pass(now, _ int64) { c.judge.q.pass(now) }

// Decided implements calls.Contents.
func (c *contents) Decided(call [16]byte, at int64, code events.Code) {
	if !c.judge.q.partial {
		c.judge.count(call, at, code)
	}
}

func (p *Partition) count(call [16]byte, offset int64, code events.Code) {
	p.counts.Calls++
	if code == "" {
		p.counts.Accepted++
	} else {
		if p.counts.Refused == nil {
			p.counts.Refused = map[events.Code]int64{}
		}
		p.counts.Refused[code]++
	}
	fact := chain.Fact{Offset: offset, Number: 1}
	if code != "" {
		fact.Number = int64(xxhash.Sum64String(string(code)) &^ 1)
	}
	key := chain.KeyOf("call", 0, string(call[:]))
	if _, ok := p.memory.Get(key); !ok { // Else it is a copy that came too late.
		p.memory.Put(key, fact)
	}
	if p.Decided != nil {
		p.Decided(call, offset, code)
	}
}

// Told compares what a host told its caller of a call with what the log says of it.
func (p *Partition) Told(call [16]byte, code events.Code) {
	fact, ok := p.memory.Get(chain.KeyOf("call", 0, string(call[:])))
	want := int64(1)
	if code != "" {
		want = int64(xxhash.Sum64String(string(code)) &^ 1)
	}
	switch {
	case !ok && !p.q.partial:
		p.Find(g8, -1, "a caller was told the verdict %q on call %x, which the log does not have", code, call)
	case ok && fact.Number != want:
		p.Find(g8, fact.Offset, "the caller of %x was told the verdict %q, and the log says otherwise", call, code)
	}
}

// Place is one of an ordering.
type Place struct {
	ID  string
	Seq int64
}

// Ordering compares what a host says is the ordering, as of the end of what was fed, with
// what the log says.
func (p *Partition) Ordering(told []Place) {
	if p.q.partial {
		return
	}
	want := p.q.ordering()
	for i := range max(len(told), len(want)) {
		switch {
		case i >= len(told):
			p.Find(g8, want[i].Seq, "the ordering that was told lacks %q at place %d", want[i].ID, i)
		case i >= len(want):
			p.Find(g8, told[i].Seq, "the ordering that was told has %q at place %d, which was removed or never was", told[i].ID, i)
		case told[i] != want[i]:
			p.Find(g8, want[i].Seq, "the ordering that was told has %q with number %d at place %d, where %q with number %d stands",
				told[i].ID, told[i].Seq, i, want[i].ID, want[i].Seq)
		default:
			continue
		}
		return // What follows is moved.
	}
}
