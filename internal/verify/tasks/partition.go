package tasks

import (
	"fmt"

	"github.com/spanway/spanway/internal/verify/chain"
)

// Partition judges one partition of tasks.events, chain and contents. It is for
// one goroutine.
type Partition struct {
	*chain.Partition
	opts   Options
	report Report  // what is counted here
	older  Partial // what is counted of the time before the log begins
	world  world
}

// NewPartition begins the judgement of a partition of a topic.
func NewPartition(topic string, partition int32, opts Options) *Partition {
	if opts.MaxFindings == 0 {
		opts.MaxFindings = chain.MaxFindings
	}
	if opts.Memory == nil {
		opts.Memory = chain.Heap{}
	}
	p := &Partition{opts: opts, report: Report{Terminal: map[string]int64{}}}
	p.world = newWorld(p, past{memory: opts.Memory})
	p.Partition = chain.NewPartition(topic, partition, chain.Options{MaxFindings: opts.MaxFindings, Memory: opts.Memory}, &p.world)
	return p
}

// Report tells what was found in what was fed so far.
func (p *Partition) Report() Report {
	r := Report{}
	r.Add(p.report)
	r.Report = p.Partition.Report()
	for _, partial := range r.Report.Partial {
		older := p.older
		older.Partial = partial
		r.Partial = append(r.Partial, older)
	}
	r.Open = int64(len(p.world.tasks))
	if !p.opts.NoneOpen {
		return r
	}
	for _, t := range p.world.open() {
		p.neverEnded(&r, t)
	}
	return r
}

// neverEnded adds to a report that a task has not ended.
func (p *Partition) neverEnded(r *Report, t *task) {
	r.Violations++
	if len(r.Findings) < p.opts.MaxFindings {
		r.Findings = append(r.Findings, chain.Finding{
			Rule: "G1", Log: p.Topic(), Partition: p.Number(), Offset: p.Last(), Task: t.id,
			Text: fmt.Sprintf("%s at offset %d and never ended", t.since(), t.accepted),
		})
	}
}
