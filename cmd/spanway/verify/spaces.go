package verify

import (
	"sync"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/verify/spaces"
	"github.com/spanway/spanway/internal/verify/tasks"
)

// spaceCounts are the counts of several partitions, which are judged at the same time.
type spaceCounts struct {
	mu  sync.Mutex
	sum spaces.Counts
}

// ofSpaces judges a partition of ids.events.
type ofSpaces struct {
	*spaces.Partition
	counts *spaceCounts
}

func (o ofSpaces) Report() tasks.Report {
	found := o.Partition.Report()
	o.counts.mu.Lock()
	defer o.counts.mu.Unlock()
	o.counts.sum.Add(found.Counts)
	return reported(found.Report)
}

// printSpaces prints what ids.events has.
func printSpaces(a *cli.App, l *logReport) {
	s := l.Spaces
	a.Printf("%d records in %d partitions, %d calls were accepted\n", l.found.Records, l.found.Partitions, l.found.Counted)
	for _, p := range l.found.Partial {
		a.Printf("partition %d begins at offset %d: what its spaces held before is not known, so answers are held against one another, and nothing else of it is judged\n", p.Partition, p.Begins)
	}
	a.Printf("%d spaces declared, %d grants; %d answers to requesters judged\n", s.Spaces, s.Grants, s.Answers)
	if len(s.Refused) > 0 {
		a.Printf("refused%s\n", tally(s.Refused, ": "))
	}
}
