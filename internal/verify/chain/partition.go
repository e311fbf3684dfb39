package chain

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Contents judge what the events of a log mean. They are told what counts, in
// order, by one goroutine, and make their findings with Partition.Find.
type Contents interface {
	// Within says, before anything else, that the beginning of the log was deleted.
	Within()
	// Batch begins a batch that counts: it was written for the offset expected,
	// and stands at landed. A claim is no such batch.
	Batch(expected, landed int64)
	// Follow takes the next event of the batch.
	Follow(where At, m proto.Message)
	// Forget says that the loss of records was accepted: the state begins anew,
	// and is empty. The answer names what is forgotten.
	Forget() string
}

// Versions of the fold.
const (
	// UnknownVersion: the raise may stand in what was not seen.
	UnknownVersion = 0
	FirstVersion   = 1
)

// Partition judges one partition of an owned log. It is for one goroutine.
type Partition struct {
	topic     string
	partition int32
	opts      Options
	contents  Contents
	report    Report

	began bool
	next  int64 // the lowest offset that the next record may have
	// prefix of event IDs in the current epoch, and the number of its last event
	prefix string
	n      int64
	chain  chain
	// version of the fold; see the constants.
	version uint32
	// partial is set if the log's beginning was deleted.
	partial *Partial
	// lossy: the log says that a part of it was lost.
	lossy bool
}

// NewPartition begins the judgement of a partition of a topic. Without contents
// (nil) only the chain is judged.
func NewPartition(topic string, partition int32, opts Options, contents Contents) *Partition {
	if opts.MaxFindings == 0 {
		opts.MaxFindings = MaxFindings
	}
	if opts.Memory == nil {
		opts.Memory = Heap{}
	}
	if contents == nil {
		contents = unread{}
	}
	return &Partition{
		chain: chain{memory: opts.Memory},
		topic: topic, partition: partition, opts: opts, contents: contents, version: FirstVersion,
		report: Report{Partitions: 1, Skipped: map[string]int64{}, Findings: []Finding{}},
	}
}

// Feed takes the next record. It keeps the record's slices until the batch is
// complete; the caller must not change them.
func (p *Partition) Feed(r *events.Record) {
	if !p.began && r.Offset != 0 {
		p.beginWithin(r.Offset)
	}
	if p.began && r.Offset < p.next {
		p.Find(RuleLog, At{Offset: r.Offset}, "offset %d comes after offset %d", r.Offset, p.next-1)
	}
	p.began, p.next = true, r.Offset+1
	p.report.Records++
	p.chain.add(r, p.settle)
}

// beginWithin prepares for a log whose beginning was deleted: it is judged from
// the first batch on that stands where its writer expected it, and what was
// there before is taken as it is met.
func (p *Partition) beginWithin(offset int64) {
	p.partial = &Partial{Log: p.topic, Partition: p.partition, Begins: offset, From: -1}
	p.chain.seeking, p.version = true, UnknownVersion
	p.contents.Within()
}

// Topic of the log.
func (p *Partition) Topic() string { return p.topic }

// Number of the partition.
func (p *Partition) Number() int32 { return p.partition }

// Version of the fold that the log was raised to so far.
func (p *Partition) Version() uint32 { return p.version }

// Last is the offset of the last record that was fed, or 0.
func (p *Partition) Last() int64 { return max(0, p.next-1) }

// Report tells what was found in what was fed so far.
func (p *Partition) Report() Report {
	r := Report{}
	r.Add(p.report)
	if p.partial != nil {
		r.Partial = append(r.Partial, *p.partial)
	}
	r.Unfinished = int64(len(p.chain.pending.records))
	r.Inputs, r.InputsAt = p.report.Inputs, p.report.InputsAt
	return r
}

// settle acts on a verdict: it counts what does not count, and has the contents
// follow what does.
func (p *Partition) settle(v verdict) {
	first := At{Offset: v.records[0].Offset}
	switch v.reason {
	case "":
	case reasonOtherHistory:
		first.epoch = v.epoch
		p.Find("G6", first, "a batch of the current epoch %d was decided on history %016x, which the log does not have here: "+
			"acknowledged records were lost, or its owner counted what does not count", v.epoch, v.prev)
	case reasonFutureEpoch:
		p.Find("G6", first, "a batch of epoch %d, which no claim that counts has begun", v.epoch)
	}
	if v.reason != "" {
		p.report.Skipped[v.reason] += int64(len(v.records))
		return
	}
	p.report.Counted += int64(len(v.records))
	if p.partial != nil && p.partial.From < 0 {
		p.partial.From = first.Offset
		p.enter(v.epoch)
	}
	if v.claim {
		p.report.Claims++
		p.report.claimed(v.owner, 1)
		p.enter(v.epoch)
		return
	}
	if got := Hash(v.prev, v.records); got != v.hash {
		p.Find("G6", first, "the batch says its hash is %016x; its content gives %016x", v.hash, got)
	}
	inputs, _ := v.records[0].Header(events.HeaderInputs)
	p.report.Inputs, p.report.InputsAt = string(inputs), first.Offset
	p.contents.Batch(v.at, v.records[0].Offset)
	for i := range v.records {
		p.event(&v.records[i])
	}
}

// enter begins an epoch, in which events are numbered anew.
func (p *Partition) enter(epoch uint32) {
	p.prefix, p.n = fmt.Sprintf("%s/%d/%d/", p.topic, p.partition, epoch), -1
}

// event checks the ID of an event that counts, and follows it.
func (p *Partition) event(r *events.Record) {
	if r.Value == nil {
		return // folds to nothing
	}
	env, m, err := events.DecodeTrusted(r)
	where := At{Offset: r.Offset}
	p.checkID(env.ID, where)
	switch {
	case err != nil && events.New(env.Type) == nil && env.Type != "":
		p.report.UnknownTypes++
	case err != nil:
		p.Find(RuleLog, where, "an event that counts cannot be read: %v", err)
	default:
		p.follow(where, m)
	}
}

// checkID: receivers drop what is not above the highest (epoch, n) they saw, so
// an ID of another epoch or one that does not grow would lose or double effects.
func (p *Partition) checkID(id string, where At) {
	number, ok := strings.CutPrefix(id, p.prefix)
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case !ok || err != nil:
		p.Find("G6", where, "the event's ID is %q; here it must be %sN", id, p.prefix)
	case n <= p.n:
		p.Find("G6", where, "the event's ID is %q, but number %d of this epoch stands before it", id, p.n)
	default:
		p.n = n
	}
}

// follow acts on what the log says of itself, and hands all else on.
func (p *Partition) follow(where At, m proto.Message) {
	switch m := m.(type) {
	case *events.LogFoldVersionRaised:
		if m.GetVersion() <= p.version {
			p.Find("G5", where, "raised to fold version %d; it has version %d already", m.GetVersion(), p.version)
		}
		p.version = max(p.version, m.GetVersion())
	case *events.LogTailLost:
		p.tailLost(where, m)
	case *events.LogLossAccepted:
		p.lossAccepted(where, m)
	default:
		p.contents.Follow(where, m)
	}
}

// Find makes a finding under a rule.
func (p *Partition) Find(rule string, where At, format string, args ...any) {
	p.report.Violations++
	if rule == RuleLoss {
		p.report.Losses++
	}
	if len(p.report.Findings) < p.opts.MaxFindings {
		p.report.Findings = append(p.report.Findings, Finding{
			Rule: rule, Log: p.topic, Partition: p.partition, Offset: where.Offset,
			Task: where.Task, Engine: where.Engine, Text: fmt.Sprintf(format, args...), epoch: where.epoch,
		})
	}
}

// unread are the contents of a log of which the chain alone is judged.
type unread struct{}

func (unread) Within()                  {}
func (unread) Batch(int64, int64)       {}
func (unread) Follow(At, proto.Message) {}
func (unread) Forget() string           { return "all that was folded before is forgotten" }
