package queue

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

const (
	g8 = "G8"
	// horizon is how far a record may stand behind what its writer had seen, in offsets.
	horizon = 1_000_000
)

// Partition judges the log of one queue. It is for one goroutine.
type Partition struct {
	topic   string
	options Options
	report  Report
	memory  chain.Memory
	begins  int64 // the offset of the first record, -1 before it
	partial bool

	recent map[[16]byte]decided // the calls of the last offsets
	order  []dated
	q      state

	// Decided, if set, is told of each call that is decided.
	Decided func(call [16]byte, offset int64, code events.Code)
}

// decided is a call that was: what it asked, as a hash, and the verdict.
type decided struct {
	body uint64
	code events.Code
}

type dated struct {
	call   [16]byte
	offset int64
}

// NewPartition judges the log of a queue from its beginning.
func NewPartition(topic string, o Options) *Partition {
	if o.Memory == nil {
		o.Memory = chain.Heap{}
	}
	p := &Partition{topic: topic, options: o, memory: o.Memory, begins: -1, recent: map[[16]byte]decided{}}
	p.report.Skipped = map[string]int64{}
	p.q.init(p.memory)
	return p
}

// Feed judges the next record.
func (p *Partition) Feed(r *events.Record) {
	p.report.Records++
	if p.begins < 0 {
		if p.begins = r.Offset; r.Offset > 0 {
			p.partial = true
			p.report.Partial = append(p.report.Partial, chain.Partial{Log: p.topic, Begins: r.Offset, From: -1})
		}
	}
	call, seen, why := calledBy(r)
	if why != "" {
		p.report.Skipped[why]++
		return
	}
	if seen > r.Offset {
		p.report.Skipped["premature"]++
		p.find(chain.RuleLoss, r.Offset, "call %x was made by a writer that had seen the log up to %d: what stood there is gone", call, seen)
		return
	}
	p.report.Counted++
	if p.partial {
		return
	}
	p.forget(r.Offset)
	typ, _ := r.Header(events.HeaderType)
	body := xxhash.Sum64(append(append([]byte(nil), typ...), r.Value...))
	if first, ok := p.recent[call]; ok {
		p.report.Skipped["copy"]++
		if first.body != body {
			p.find(g8, r.Offset, "call %x stands in the log before and asks something else: one of the two callers was given the verdict on the other's call", call)
		}
		return
	}
	code := events.CodeTooLate
	if seen >= 0 && r.Offset-seen <= horizon {
		m, err := events.Message(r)
		if err != nil {
			m = nil
		}
		code = p.decide(m, r.Offset)
		p.recent[call] = decided{body, code}
		p.order = append(p.order, dated{call, r.Offset})
	}
	p.count(call, r.Offset, code)
}

// forget drops the calls that no record at an offset or behind it can copy.
func (p *Partition) forget(offset int64) {
	for len(p.order) > 0 && p.order[0].offset < offset-horizon {
		delete(p.recent, p.order[0].call)
		p.order = p.order[1:]
	}
}

func (p *Partition) count(call [16]byte, offset int64, code events.Code) {
	p.report.Calls++
	if code == "" {
		p.report.Accepted++
	} else {
		if p.report.Refused == nil {
			p.report.Refused = map[events.Code]int64{}
		}
		p.report.Refused[code]++
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

// calledBy reads the headers of a call: each stands once, with its length.
func calledBy(r *events.Record) (call [16]byte, seen int64, why string) {
	calls, seens := 0, 0
	for _, h := range r.Headers {
		switch {
		case h.Key == events.HeaderCall:
			if calls++; len(h.Value) != len(call) {
				why = "bad_call"
				continue
			}
			call = [16]byte(h.Value)
		case h.Key == events.HeaderSeen:
			if seens++; len(h.Value) != 8 {
				why = "bad_call"
				continue
			}
			seen = int64(binary.BigEndian.Uint64(h.Value))
		}
	}
	switch {
	case calls == 0 && seens == 0:
		return call, 0, "no_call"
	case why != "" || calls != 1 || seens != 1:
		return call, 0, "bad_call"
	}
	return call, seen, ""
}

// Told compares what a host told its caller of a call with what the log says of it.
func (p *Partition) Told(call [16]byte, code events.Code) {
	fact, ok := p.memory.Get(chain.KeyOf("call", 0, string(call[:])))
	want := int64(1)
	if code != "" {
		want = int64(xxhash.Sum64String(string(code)) &^ 1)
	}
	switch {
	case !ok && !p.partial:
		p.find(g8, -1, "a caller was told the verdict %q on call %x, which the log does not have", code, call)
	case ok && fact.Number != want:
		p.find(g8, fact.Offset, "the caller of %x was told the verdict %q, and the log says otherwise", call, code)
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
	if p.partial {
		return
	}
	want := p.q.ordering()
	for i := range max(len(told), len(want)) {
		switch {
		case i >= len(told):
			p.find(g8, want[i].Seq, "the ordering that was told lacks %q at place %d", want[i].ID, i)
		case i >= len(want):
			p.find(g8, told[i].Seq, "the ordering that was told has %q at place %d, which was removed or never was", told[i].ID, i)
		case told[i] != want[i]:
			p.find(g8, want[i].Seq, "the ordering that was told has %q with number %d at place %d, where %q with number %d stands",
				told[i].ID, told[i].Seq, i, want[i].ID, want[i].Seq)
		default:
			continue
		}
		return // What follows is moved.
	}
}
