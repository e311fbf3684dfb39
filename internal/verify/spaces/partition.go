package spaces

import (
	"fmt"
	"math"
	"slices"

	"github.com/spanway/spanway/internal/verify/calls"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// Report is what was found, of one partition or of several.
type Report struct {
	chain.Report
	Counts
}

// Add takes another partition's report into r.
func (r *Report) Add(o Report) {
	r.Report.Add(o.Report)
	r.Counts.Add(o.Counts)
}

// Counts are of the calls, and of what they did.
type Counts struct {
	// Spaces were declared; Grants were accepted, and Answers tell requesters so.
	Spaces  int64 `json:"spaces"`
	Grants  int64 `json:"grants"`
	Answers int64 `json:"answers"`
	// Refused are the calls that were, by their codes.
	Refused map[string]int64 `json:"refused"`
}

// Add takes another partition's counts into c.
func (c *Counts) Add(o Counts) {
	c.Spaces += o.Spaces
	c.Grants += o.Grants
	c.Answers += o.Answers
	c.Refused = chain.Sum(c.Refused, o.Refused)
}

// Partition judges one partition of ids.events. It is for one goroutine.
type Partition struct {
	*calls.Partition
	report Report
	memory chain.Memory
	rules  contents
}

// NewPartition begins the judgement of a partition of a topic.
func NewPartition(topic string, partition int32, opts chain.Options) *Partition {
	if opts.Memory == nil {
		opts.Memory = chain.Heap{}
	}
	p := &Partition{memory: opts.Memory, report: Report{Counts: Counts{Refused: map[string]int64{}}}}
	p.rules = contents{judge: p, rule: newWorld(p)}
	p.Partition = calls.NewPartition("G9", topic, partition, opts, &p.rules)
	return p
}

// Report tells what was found in what was fed so far.
func (p *Partition) Report() Report {
	r := Report{}
	r.Add(p.report)
	r.Report = p.Partition.Report()
	return r
}

// Sorts of facts.
const (
	factGrant   = "grant"   // the accepted grant of a request ID
	factRefused = "refused" // why one was refused
	factVerdict = "verdict" // what was decided of a call
)

// codes are those that facts refer to by index.
var codes = []events.Code{
	"", events.CodeUnknownSpace, events.CodeBadData, events.CodeRequestMismatch, events.CodeOutOfBounds,
	events.CodeBadCount, events.CodeRangeTaken, events.CodeAlreadyGranted, events.CodeSpaceExists, events.CodeSpaceHeld,
	events.CodeUnknownGrant, events.CodeNotOwner, events.CodeGrantEnded, events.CodeTooLate,
}

// decided notes what was decided of a call.
func (p *Partition) decided(at int64, code events.Code) {
	if code != "" {
		p.report.Refused[string(code)]++
	}
	p.memory.Put(chain.KeyOf(factVerdict, uint64(at)), chain.Fact{Offset: at, Number: int64(slices.Index(codes, code))})
}

// granted notes an accepted grant: what an answer about it must say.
func (p *Partition) granted(a *ask) {
	p.report.Grants++
	p.memory.Put(chain.KeyOf(factGrant, 0, a.space.name, a.id), chain.Fact{Offset: a.at, Number: a.before, AtMs: a.from})
	p.memory.Put(chain.KeyOf(factGrant, uint64(a.at), a.owner, a.id), chain.Fact{Offset: a.at, Number: a.to, AtMs: a.lease})
}

// refused notes why a grant is, and what is in its way.
func (p *Partition) refused(m *events.IdsRangeGranted, at int64, code events.Code, by *hold) events.Code {
	why := chain.Fact{Offset: at, Number: int64(slices.Index(codes, code)), AtMs: -1}
	if by != nil {
		if why.AtMs = by.of.at; by.resting {
			why.AtMs = math.MinInt64 + by.since
		}
	}
	p.memory.Put(chain.KeyOf(factRefused, uint64(m.From), m.Space, m.RequestId), why)
	return code
}

// answered holds what a requester was told against the log.
func (p *Partition) answered(m *events.IdsAnswered, at int64) {
	p.report.Answers++
	if m.Offset > at {
		p.Find("G9", at, "the answer to %q refers to offset %d, which comes after it", m.RequestId, m.Offset)
	}
	if m.Granted != nil {
		p.answeredGrant(m, at)
		return
	}
	v, known := p.memory.Get(chain.KeyOf(factVerdict, uint64(m.Offset)))
	if known && m.Offset > 0 && v.Number >= 0 && string(codes[v.Number]) != m.Code {
		p.Find("G9", at, "the request %q was answered with %q; the log decided otherwise at %d: %q", m.RequestId, m.Code, m.Offset, codes[v.Number])
	}
}

func (p *Partition) answeredGrant(m *events.IdsAnswered, at int64) {
	g := m.Granted
	name := fmt.Sprintf("[%d, %d] of %q as granted to %q", g.From, g.To, g.Space, g.RequestId)
	fact, ok := p.memory.Get(chain.KeyOf(factGrant, 0, m.Space, m.RequestId))
	if !ok {
		p.Find("G9", at, "a requester was told of %s: %s", name, p.whyNot(g))
		return
	}
	rest, sameOwner := p.memory.Get(chain.KeyOf(factGrant, uint64(fact.Offset), g.Owner, m.RequestId))
	switch {
	case g.Space != m.Space || g.RequestId != m.RequestId:
		p.Find("G9", at, "the answer to %q in %q tells of %s", m.RequestId, m.Space, name)
	case !sameOwner:
		p.Find("G9", at, "a requester was told of %s and the owner %q; the grant at %d has another owner", name, g.Owner, fact.Offset)
	case g.From != fact.AtMs || g.To != rest.Number:
		p.Find("G9", at, "a requester was told of %s: the log granted [%d, %d] at %d", name, fact.AtMs, rest.Number, fact.Offset)
	case g.Generation < fact.Number:
		p.Find("G9", at, "a requester was told of %s in generation %d: it was granted %d times before", name, g.Generation, fact.Number)
	}
}

// whyNot says why the log does not have a grant.
func (p *Partition) whyNot(g *events.IdsRangeGranted) string {
	why, ok := p.memory.Get(chain.KeyOf(factRefused, uint64(g.From), g.Space, g.RequestId))
	if !ok {
		return "no record of the log grants it"
	}
	text := fmt.Sprintf("the record at %d is refused with %s", why.Offset, codes[max(0, why.Number)])
	switch by := why.AtMs; {
	case by >= 0:
		return fmt.Sprintf("%s: it overlaps what is held since %d", text, by)
	case by == ofAnother:
		return text + ", because of another grant in it"
	case by < -1:
		return fmt.Sprintf("%s: it overlaps what rests since %d", text, by-math.MinInt64)
	}
	return text
}
