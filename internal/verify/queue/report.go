package queue

import (
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// Options of a judgement are those of package chain.
type Options = chain.Options

// Report is what was found.
type Report struct {
	chain.Report
	Counts
}

// Counts are of the calls, and of what they did.
type Counts struct {
	// Calls were decided; Accepted of them were, and Refused the others, by code.
	Calls    int64                 `json:"calls"`
	Accepted int64                 `json:"accepted"`
	Refused  map[events.Code]int64 `json:"refused,omitempty"`
	// Enqueued, Removed and Claimed are entries; Entries and Claims are held at the end.
	Enqueued int64 `json:"enqueued"`
	Removed  int64 `json:"removed"`
	Claimed  int64 `json:"claimed"`
	Entries  int64 `json:"entries"`
	// Strange are calls that name a claim which the log never accepted: a caller's
	// mistake, or a host that took a refused claim for an accepted one.
	Strange int64 `json:"strange"`
}

// Report returns what was found so far: as in the log of any calls, Counted are those that
// were accepted.
func (p *Partition) Report() Report {
	r := Report{p.Partition.Report(), p.counts}
	r.Entries = int64(len(p.q.held))
	return r
}
