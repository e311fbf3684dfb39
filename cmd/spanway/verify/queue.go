package verify

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/events"
)

// queues are the logs of the queues that there are, by name.
func queues(topics events.Topics, there map[string]bool) (logs []events.Log) {
	for _, topic := range slices.Sorted(maps.Keys(there)) {
		if name, ok := topics.QueueOf(topic); ok {
			logs = append(logs, topics.QueueLogs(name)[0])
		}
	}
	return logs
}

// ofQueue judges the log of a queue.
type ofQueue struct {
	*queue.Partition
	counts *queue.Counts
}

func (o ofQueue) Report() (r tasks.Report) {
	found := o.Partition.Report()
	*o.counts = found.Counts
	return reported(found.Report)
}

// printQueue prints what the log of a queue has.
func printQueue(a *cli.App, l *logReport) {
	q := l.Queue
	a.Printf("%d records, %d calls, %d accepted\n", l.found.Records, q.Calls, q.Accepted)
	for _, p := range l.found.Partial {
		a.Printf("the log begins at offset %d: what the queue held before is not known, so only LOSS is judged\n", p.Begins)
	}
	a.Printf("%d entries enqueued, %d taken out, %d held; %d claimed\n", q.Enqueued, q.Removed, q.Entries, q.Claimed)
	if len(q.Refused) > 0 {
		a.Printf("refused%s\n", tally(q.Refused, ": "))
	}
	if q.Strange > 0 {
		a.Printf("%d calls name a claim that the log never accepted: mistakes of callers, or a program that does not wait for verdicts\n", q.Strange)
	}
}
