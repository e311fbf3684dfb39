package calls

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// The rule of shared logs, from wire.md.
const (
	// Horizon is how many offsets a record may stand behind what its writer had seen.
	Horizon = 1_000_000
	// maxPassed is how far one record moves the time, in milliseconds.
	maxPassed = 3_600_000
)

// Reasons for which records are no calls, or decide nothing.
const (
	reasonNoCall    = "no_call"
	reasonBadCall   = "bad_call"
	reasonCopy      = "copy"
	reasonTooLate   = "too_late"
	reasonPremature = "premature" // its writer had seen what comes after it
	reasonForeign   = "foreign"   // it had seen another log of the name, for which the call is meant
)

// Contents decide on the calls of one kind of log. They are told in order, by one
// goroutine, and make their findings with Partition.Find.
type Contents interface {
	// Within says, before anything else, that the beginning of the log was deleted. It
	// tells whether what remains is judged by more than the rule of shared logs.
	Within() (judged bool)
	// Decide takes the first record of a call, and returns why it is refused; "" accepts
	// it. m is nil if it cannot be read.
	Decide(call [16]byte, at int64, m proto.Message) events.Code
	// Pass says that the time of the log has come to now, by the record at an offset.
	Pass(now, at int64)
	// Decided tells the verdict on a call: on what Decide decided, on moves of the time,
	// and on calls that are too late.
	Decided(call [16]byte, at int64, code events.Code)
}

// Named is what contents implement whose calls may name the log that they are meant for: it
// may have been deleted, and created again under its name.
type Named interface {
	// Meant is the name that a call gives; 0 if it gives none. Name is that of the log; 0
	// while it is not known.
	Meant(m proto.Message) uint64
	Name() uint64
}

// Partition judges one partition of a shared log. It is for one goroutine.
type Partition struct {
	rule      string
	topic     string
	partition int32
	opts      chain.Options
	contents  Contents
	report    chain.Report
	began     bool
	next      int64 // the lowest offset that the next record may have
	now       int64
	within    bool
	// first has what the calls of the last Horizon offsets ask, as a hash; order lists them.
	first map[[16]byte]uint64
	order []placed
	// early are premature calls that came before the name of the log was known.
	early []premature
}

// premature is a call whose writer had seen what comes after it.
type premature struct {
	placed
	seen  int64
	meant uint64
}

type placed struct {
	id     [16]byte
	offset int64
}

// NewPartition begins the judgement of a partition of a topic. rule is the guarantee that
// is broken if one call ID names two calls.
func NewPartition(rule, topic string, partition int32, opts chain.Options, contents Contents) *Partition {
	if opts.MaxFindings == 0 {
		opts.MaxFindings = chain.MaxFindings
	}
	return &Partition{
		rule: rule, topic: topic, partition: partition, opts: opts, contents: contents, first: map[[16]byte]uint64{},
		report: chain.Report{Partitions: 1, Skipped: map[string]int64{}, Findings: []chain.Finding{}},
	}
}

// Feed takes the next record.
func (p *Partition) Feed(r *events.Record) {
	if !p.began && r.Offset != 0 {
		p.within = true
		part := chain.Partial{Log: p.topic, Partition: p.partition, Begins: r.Offset, From: r.Offset}
		if !p.contents.Within() {
			part.From = -1
		}
		p.report.Partial = append(p.report.Partial, part)
	}
	if p.began && r.Offset < p.next {
		p.Find(chain.RuleLog, r.Offset, "offset %d comes after offset %d", r.Offset, p.next-1)
	}
	p.began, p.next = true, r.Offset+1
	p.report.Records++
	if why := p.take(r); why != "" {
		p.report.Skipped[why]++
	}
}

// take judges a record, and returns why it decides nothing.
func (p *Partition) take(r *events.Record) (why string) {
	id, seen, why := headers(r)
	if why != "" {
		return why
	}
	for len(p.order) > 0 && r.Offset-p.order[0].offset > Horizon {
		delete(p.first, p.order[0].id)
		p.order = p.order[1:]
	}
	if seen > r.Offset {
		return p.premature(premature{placed: placed{id, r.Offset}, seen: seen}, r)
	}
	asks := asked(r)
	if first, known := p.first[id]; known {
		if first != asks {
			p.Find(p.rule, r.Offset, "call %x stands in the log before and asks something else: one of the two callers was given the verdict on the other's call", id)
		}
		return reasonCopy
	}
	if seen < 0 || r.Offset-seen > Horizon {
		p.contents.Decided(id, r.Offset, events.CodeTooLate)
		return reasonTooLate
	}
	p.first[id] = asks
	p.order = append(p.order, placed{id, r.Offset})
	code := p.decide(id, r)
	if code == "" {
		p.report.Counted++
	}
	p.contents.Decided(id, r.Offset, code)
	return ""
}

// premature judges a call whose writer had seen what comes after it: acknowledged records
// are gone, or it is meant for another log.
func (p *Partition) premature(c premature, r *events.Record) (why string) {
	named, ok := p.contents.(Named)
	if ok {
		if m, err := events.Message(r); err == nil {
			c.meant = named.Meant(m)
		}
	}
	switch {
	case c.meant == 0:
		p.lost(c)
	case named.Name() == 0:
		p.early = append(p.early, c)
	case named.Name() != c.meant:
		return reasonForeign
	default:
		p.lost(c)
	}
	return reasonPremature
}

func (p *Partition) lost(c premature) {
	p.Find(chain.RuleLoss, c.offset, "the writer of the call %x had folded the log up to %d: acknowledged records are gone", c.id, c.seen)
}

// asked is what a record asks, as a hash.
func asked(r *events.Record) uint64 {
	typ, _ := r.Header(events.HeaderType)
	return xxhash.Sum64(append(append([]byte(nil), typ...), r.Value...))
}

func (p *Partition) decide(id [16]byte, r *events.Record) events.Code {
	var m proto.Message
	if r.Value != nil {
		if read, err := events.Message(r); err == nil {
			m = read
		}
	}
	passed, ok := m.(*events.LogTimePassed)
	if !ok {
		return p.contents.Decide(id, r.Offset, m)
	}
	if p.within && passed.FromMs > p.now {
		p.now = passed.FromMs // It has moved before the log begins.
	}
	switch {
	case passed.FromMs != p.now:
		return events.CodeTimeMoved
	case passed.ToMs > math.MaxInt64/2 || passed.ToMs <= p.now || passed.ToMs-p.now > maxPassed:
		return events.CodeBadData
	}
	p.now = passed.ToMs
	p.contents.Pass(p.now, r.Offset)
	return ""
}

// headers reads what makes a record a call.
func headers(r *events.Record) (id [16]byte, seen int64, why string) {
	var call, behind []byte
	calls, seens := 0, 0
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case events.HeaderCall:
			call, calls = h.Value, calls+1
		case events.HeaderSeen:
			behind, seens = h.Value, seens+1
		}
	}
	switch {
	case calls == 0 && seens == 0:
		return id, 0, reasonNoCall
	case calls != 1 || seens != 1 || len(call) != len(id) || len(behind) != 8:
		return id, 0, reasonBadCall
	}
	return [16]byte(call), int64(binary.BigEndian.Uint64(behind)), ""
}

// Find makes a finding under a rule.
func (p *Partition) Find(rule string, at int64, format string, args ...any) {
	p.report.Violations++
	if rule == chain.RuleLoss {
		p.report.Losses++
	}
	if len(p.report.Findings) < p.opts.MaxFindings {
		p.report.Findings = append(p.report.Findings, chain.Finding{
			Rule: rule, Log: p.topic, Partition: p.partition, Offset: at, Text: fmt.Sprintf(format, args...),
		})
	}
}

// Report tells what was found in what was fed so far: Counted are the calls that were
// accepted.
func (p *Partition) Report() chain.Report {
	now := *p // What is not known yet may be known at the next report.
	now.report.Findings = slices.Clone(p.report.Findings)
	for _, c := range p.early {
		if name := p.contents.(Named).Name(); name == 0 || name == c.meant {
			now.lost(c)
		}
	}
	r := chain.Report{}
	r.Add(now.report)
	return r
}
