package tasks

import "github.com/spanway/spanway/internal/verify/chain"

// Options of a judgement.
type Options struct {
	// NoneOpen demands that every accepted task has ended.
	NoneOpen bool
	// MaxFindings and Memory as in chain.Options.
	MaxFindings int
	Memory      chain.Memory
}

// Report is what was found, of one partition or of several.
type Report struct {
	chain.Report
	// Tasks that were accepted; Open of them have not ended.
	Tasks int64 `json:"tasks"`
	Open  int64 `json:"open"`
	// Terminal are the tasks that ended, by the event that ended them.
	Terminal map[string]int64 `json:"terminal"`
	// Assignments judged.
	Assignments int64 `json:"assignments"`
	// Partial are the partitions of which the beginning was deleted: those of the
	// chain's report, with what that means for tasks.
	Partial []Partial `json:"partial,omitempty"`
}

// Partial tells what could be judged of a partition whose beginning was deleted.
type Partial struct {
	chain.Partial
	// Tasks and Engines of before, taken as they were met: the acceptance and the
	// attempts of those tasks, the registration and the capacity of those engines
	// were not seen.
	Tasks   int64 `json:"tasks"`
	Engines int64 `json:"engines"`
	// Unjudged are assignments of which some rule could not be judged for that.
	Unjudged int64 `json:"unjudged"`
}

// Add takes another partition's report into r.
func (r *Report) Add(o Report) {
	r.Report.Add(o.Report)
	r.Tasks += o.Tasks
	r.Open += o.Open
	r.Terminal = chain.Sum(r.Terminal, o.Terminal)
	r.Assignments += o.Assignments
	r.Partial = append(append([]Partial(nil), r.Partial...), o.Partial...)
}
