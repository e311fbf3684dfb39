package chain

import "maps"

// Rules under which findings are made, besides the guarantees "G1" to "G6".
const (
	// RuleLog: the partition cannot be judged as it should be.
	RuleLog = "LOG"
	// RuleLoss: records that were acknowledged are gone from the log. That is the
	// brokers' doing or an operator's, and no owner broke a guarantee; but what
	// was promised in those records is not kept.
	RuleLoss = "LOSS"
)

// MaxFindings are kept per partition if Options do not say otherwise.
const MaxFindings = 1000

// MaxOwners bounds the names of owners that a report has.
const MaxOwners = 1000

const (
	unnamed = "(unnamed)"
	others  = "(others)"
)

// Options of a judgement.
type Options struct {
	// MaxFindings bounds those kept per partition; the others are only counted.
	// 0 means the constant MaxFindings.
	MaxFindings int
	// Memory of what is over; nil: a Heap, which grows with the log.
	Memory Memory
}

// Report is what was found, of one partition or of several.
type Report struct {
	Partitions int `json:"partitions"`
	// Records were fed; Counted of them count.
	Records int64 `json:"records"`
	Counted int64 `json:"counted"`
	// Skipped are the records that do not count, by reason.
	Skipped map[string]int64 `json:"skipped"`
	// Unfinished are the records of a batch that was not complete at the end.
	Unfinished int64 `json:"unfinished"`
	// Inputs are the positions, as spanway-inputs says them, up to which the last batch
	// that counts has read; it stands at InputsAt. Empty in the report of several.
	Inputs   string `json:"-"`
	InputsAt int64  `json:"-"`
	// Claims that count.
	Claims int64 `json:"claims"`
	// ClaimsBy are those claims by the name that each owner gave itself, so that
	// one by a foreign program is seen; of more than MaxOwners names, the others
	// are under "(others)".
	ClaimsBy map[string]int64 `json:"claims_by,omitempty"`
	// UnknownTypes are events of types that are not known here.
	UnknownTypes int64 `json:"unknown_types"`
	// Partial are the partitions of which the beginning was deleted.
	Partial []Partial `json:"partial,omitempty"`
	// Violations were found; Findings are the first of them. Losses of them are
	// under RuleLoss.
	Violations int64     `json:"violations"`
	Losses     int64     `json:"losses"`
	Findings   []Finding `json:"findings"`
}

// Partial tells what could be judged of a partition whose beginning was deleted.
type Partial struct {
	// Log is the topic.
	Log       string `json:"log"`
	Partition int32  `json:"partition"`
	// Begins is the offset at which the log begins; From is that of the first
	// batch that was judged, -1 if there is none.
	Begins int64 `json:"begins"`
	From   int64 `json:"from"`
}

// At is where and about what a finding is made.
type At struct {
	Offset int64
	// Task and Engine, if it is about one.
	Task, Engine string

	// epoch of the batch, where a loss of records that the log tells of later
	// would explain the finding; else 0.
	epoch uint32
}

// Finding is one violation.
type Finding struct {
	// Rule is a guarantee, "G1" to "G6", RuleLog or RuleLoss.
	Rule string `json:"rule"`
	// Log is the topic.
	Log       string `json:"log"`
	Partition int32  `json:"partition"`
	// Offset of the event that broke the rule, or of the last one if what breaks
	// it is that nothing followed.
	Offset int64  `json:"offset"`
	Task   string `json:"task,omitempty"`
	Engine string `json:"engine,omitempty"`
	Text   string `json:"text"`

	epoch uint32 // see At
}

// OK tells whether nothing was found.
func (r *Report) OK() bool { return r.Violations == 0 }

// Add takes another partition's report into r.
func (r *Report) Add(o Report) {
	r.Partitions += o.Partitions
	r.Records += o.Records
	r.Counted += o.Counted
	r.Skipped = Sum(r.Skipped, o.Skipped)
	r.Unfinished += o.Unfinished
	r.Claims += o.Claims
	for name, n := range o.ClaimsBy {
		r.claimed(name, n)
	}
	r.UnknownTypes += o.UnknownTypes
	r.Partial = append(append([]Partial(nil), r.Partial...), o.Partial...)
	r.Violations += o.Violations
	r.Losses += o.Losses
	r.Findings = append(append([]Finding{}, r.Findings...), o.Findings...)
}

// claimed counts claims of an owner.
func (r *Report) claimed(owner string, n int64) {
	if owner == "" {
		owner = unnamed
	}
	if r.ClaimsBy == nil {
		r.ClaimsBy = map[string]int64{}
	}
	if _, known := r.ClaimsBy[owner]; !known && len(r.ClaimsBy) >= MaxOwners {
		owner = others
	}
	r.ClaimsBy[owner] += n
}

// Sum adds counts by name, in a new map.
func Sum(a, b map[string]int64) map[string]int64 {
	out := make(map[string]int64, len(a)+len(b))
	maps.Copy(out, a)
	for k, n := range b {
		out[k] += n
	}
	return out
}
