package verify

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Partition judges one partition of tasks.events. It is for one goroutine.
type Partition struct {
	topic     string
	partition int32
	opts      Options
	report    Report

	began bool
	next  int64 // the lowest offset that the next record may have
	// prefix of event IDs in the current epoch, and the number of its last event
	prefix string
	n      int64
	chain  chain
	world  world
	// partial is set if the log's beginning was deleted.
	partial *Partial
	// lossy: the log says that a part of it was lost.
	lossy bool
}

// NewPartition begins the judgement of a partition of a topic.
func NewPartition(topic string, partition int32, opts Options) *Partition {
	if opts.MaxFindings == 0 {
		opts.MaxFindings = 1000
	}
	p := &Partition{topic: topic, partition: partition, opts: opts}
	p.report = Report{
		Partitions: 1, Skipped: map[string]int64{}, Terminal: map[string]int64{}, Findings: []Finding{},
	}
	p.world = newWorld(p)
	return p
}

// Feed takes the next record. It keeps the record's slices until the batch is
// complete; the caller must not change them.
func (p *Partition) Feed(r *events.Record) {
	if !p.began && r.Offset != 0 {
		p.beginWithin(r.Offset)
	}
	if p.began && r.Offset < p.next {
		p.find(RuleLog, at{offset: r.Offset}, "offset %d comes after offset %d", r.Offset, p.next-1)
	}
	p.began, p.next = true, r.Offset+1
	p.report.Records++
	p.chain.add(r, p.settle)
}

// beginWithin prepares for a log whose beginning was deleted: it is judged from
// the first batch on that stands where its writer expected it, and what was
// there before is taken as it is met.
func (p *Partition) beginWithin(offset int64) {
	p.partial = &Partial{Partition: p.partition, Begins: offset, From: -1}
	p.chain.seeking = true
	p.world.partial, p.world.version = true, versionUnknown
}

// Report tells what was found in what was fed so far.
func (p *Partition) Report() Report {
	r := Report{}
	r.Add(p.report)
	if p.partial != nil {
		r.Partial = append(r.Partial, *p.partial)
	}
	r.Unfinished = int64(len(p.chain.pending.records))
	r.Open = int64(len(p.world.tasks))
	if !p.opts.NoneOpen {
		return r
	}
	for _, t := range p.world.open() {
		r.Violations++
		if len(r.Findings) < p.opts.MaxFindings {
			r.Findings = append(r.Findings, Finding{
				Rule: "G1", Partition: p.partition, Offset: max(0, p.next-1), Task: t.id,
				Text: fmt.Sprintf("%s at offset %d and never ended", t.since(), t.accepted),
			})
		}
	}
	return r
}

// settle acts on a verdict: it counts what does not count, and has the world
// follow what does.
func (p *Partition) settle(v verdict) {
	first := at{offset: v.records[0].Offset}
	switch v.reason {
	case "":
	case reasonOtherHistory:
		first.epoch = v.epoch
		p.find("G6", first, "a batch of the current epoch %d was decided on history %016x, which the log does not have here: "+
			"acknowledged records were lost, or its owner counted what does not count", v.epoch, v.prev)
	case reasonFutureEpoch:
		p.find("G6", first, "a batch of epoch %d, which no claim that counts has begun", v.epoch)
	}
	if v.reason != "" {
		p.report.Skipped[v.reason] += int64(len(v.records))
		return
	}
	p.report.Counted += int64(len(v.records))
	if p.partial != nil && p.partial.From < 0 {
		p.partial.From = first.offset
		p.enter(v.epoch)
	}
	if v.claim {
		p.report.Claims++
		p.enter(v.epoch)
		return
	}
	if got := hash(v.prev, v.records); got != v.hash {
		p.find("G6", first, "the batch says its hash is %016x; its content gives %016x", v.hash, got)
	}
	p.world.expected, p.world.landed = v.at, v.records[0].Offset
	for i := range v.records {
		p.event(&v.records[i])
	}
}

// enter begins an epoch, in which events are numbered anew.
func (p *Partition) enter(epoch uint32) {
	p.prefix, p.n = fmt.Sprintf("%s/%d/%d/", p.topic, p.partition, epoch), -1
}

// event checks the ID of an event that counts, and has the world follow it.
func (p *Partition) event(r *events.Record) {
	if r.Value == nil {
		return // folds to nothing
	}
	env, m, err := events.DecodeTrusted(r)
	where := at{offset: r.Offset}
	p.checkID(env.ID, where)
	switch {
	case err != nil && events.New(env.Type) == nil && env.Type != "":
		p.report.UnknownTypes++
	case err != nil:
		p.find(RuleLog, where, "an event that counts cannot be read: %v", err)
	default:
		p.world.follow(where, m)
	}
}

// checkID: receivers drop what is not above the highest (epoch, n) they saw, so
// an ID of another epoch or one that does not grow would lose or double effects.
func (p *Partition) checkID(id string, where at) {
	number, ok := strings.CutPrefix(id, p.prefix)
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case !ok || err != nil:
		p.find("G6", where, "the event's ID is %q; here it must be %sN", id, p.prefix)
	case n <= p.n:
		p.find("G6", where, "the event's ID is %q, but number %d of this epoch stands before it", id, p.n)
	default:
		p.n = n
	}
}

// at is where and about what a finding is made.
type at struct {
	offset       int64
	task, engine string
	// epoch of the batch, where a loss of records that the log tells of later
	// would explain the finding; else 0.
	epoch uint32
}

func (p *Partition) find(rule string, where at, format string, args ...any) {
	p.report.Violations++
	if rule == RuleLoss {
		p.report.Losses++
	}
	if len(p.report.Findings) < p.opts.MaxFindings {
		p.report.Findings = append(p.report.Findings, Finding{
			Rule: rule, Partition: p.partition, Offset: where.offset,
			Task: where.task, Engine: where.engine, Text: fmt.Sprintf(format, args...), epoch: where.epoch,
		})
	}
}

// excuse turns what was found of an owner up to that epoch into what it was: the
// consequence of a loss that the owner could not know of yet.
func (p *Partition) excuse(epoch uint32) {
	for i := range p.report.Findings {
		if f := &p.report.Findings[i]; f.epoch > 0 && f.epoch <= epoch {
			f.Rule, f.epoch = RuleLoss, 0
			p.report.Losses++
		}
	}
}
