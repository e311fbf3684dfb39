package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// Recount counts requests again. Everything that was acknowledged is told first, then
// each partition of tasks.events is fed from its beginning. It is for one goroutine.
type Recount struct {
	topics events.Topics
	logs   [events.PoolPartitions]*logCount
	tasks  map[string]*fate
	found  []string
}

// fate is what the logs say of a task. IDs are unique over all pools of a run.
type fate struct {
	pool, kind                string
	accepted, ended, repeated int
	refused, forwarded        bool
}

// lost: it was forwarded, and no log has decided it.
func (f *fate) lost() bool { return f.forwarded && f.accepted+f.repeated == 0 && !f.refused }

// Task is one that was accepted and has not ended.
type Task struct{ Pool, ID, Kind string }

// NewRecount begins a recount that knows of no request.
func NewRecount(topics events.Topics) *Recount {
	r := &Recount{topics: topics, tasks: map[string]*fate{}}
	for p := range r.logs {
		l := &logCount{of: r, number: int32(p), asked: map[int64]string{}, inputs: map[int64]string{}}
		l.judge = chain.NewPartition(topics.Events(), int32(p), chain.Options{}, l)
		r.logs[p] = l
	}
	return r
}

// Acknowledged tells where a request stands, and which task it names; none if it is
// malformed: then it must be refused.
func (r *Recount) Acknowledged(partition int32, offset int64, id string) {
	r.logs[partition].asked[offset] = id
}

// Next is the offset from which a partition of tasks.events is to be fed.
func (r *Recount) Next(partition int32) int64 { return r.logs[partition].next }

// Feed takes the records of a page of tasks.events.
func (r *Recount) Feed(partition int32, page *events.Page) {
	l := r.logs[partition]
	for i := range page.Records {
		rec := &page.Records[i]
		if in, ok := rec.Header(events.HeaderInputs); ok {
			l.inputs[rec.Offset] = string(in)
		}
		l.judge.Feed(rec)
	}
	l.next = page.Next
}

// Undecided counts the acknowledged requests that no owner has read yet, and what was
// forwarded and not decided.
func (r *Recount) Undecided() (n int) {
	for _, l := range r.logs {
		for offset := range l.asked {
			if offset >= l.read {
				n++
			}
		}
	}
	for _, f := range r.tasks {
		if f.lost() {
			n++
		}
	}
	return n
}

// Waiting are the tasks that were accepted and have not ended.
func (r *Recount) Waiting() (open []Task) {
	for id, f := range r.tasks {
		if f.accepted > 0 && f.ended == 0 {
			open = append(open, Task{f.pool, id, f.kind})
		}
	}
	return open
}

// Summary says what was counted.
func (r *Recount) Summary() string {
	var asked, accepted, ended, repeated, refused, forwarded int
	for _, l := range r.logs {
		asked += len(l.asked)
		refused += l.refusals
		forwarded += l.forwards
	}
	for _, f := range r.tasks {
		accepted += f.accepted
		ended += f.ended
		repeated += f.repeated
	}
	return fmt.Sprintf("%d requests acknowledged; in the logs %d accepted, %d repeated, %d refused, %d forwarded; %d ended, %d wait",
		asked, accepted, repeated, refused, forwarded, ended, len(r.Waiting()))
}

// Findings are what is wrong, when all was fed: empty if nothing is.
func (r *Recount) Findings() []string {
	found := slices.Clone(r.found)
	for _, l := range r.logs {
		found = append(found, l.settle()...)
		for offset, id := range l.asked {
			if offset >= l.read {
				found = append(found, fmt.Sprintf("%s/%d@%d (task %q) was acknowledged, and is not read: its log has read to %d",
					r.topics.Requests(), l.number, offset, id, l.read))
			}
		}
		report := l.judge.Report()
		for _, f := range report.Findings {
			found = append(found, fmt.Sprintf("%s/%d@%d: %s: %s", f.Log, f.Partition, f.Offset, f.Rule, f.Text))
		}
	}
	for id, f := range r.tasks {
		switch {
		case f.accepted > 1:
			found = append(found, fmt.Sprintf("task %q was accepted %d times", id, f.accepted))
		case f.ended > 1 || f.ended > f.accepted:
			found = append(found, fmt.Sprintf("task %q was accepted %d times and ended %d times", id, f.accepted, f.ended))
		case f.lost():
			found = append(found, fmt.Sprintf("task %q was forwarded, and no log has decided it", id))
		}
	}
	slices.Sort(found)
	return found
}

// logCount is what one partition of tasks.events says of its requests. It hears of the
// events that count from the judge, batch by batch.
type logCount struct {
	of     *Recount
	number int32
	judge  *chain.Partition
	next   int64            // to be fed
	asked  map[int64]string // by offset in tasks.requests
	inputs map[int64]string // of batches, by their offset

	// read is where the requests were read to by the last batch, which moved it there
	// from before. about counts what it decided by task, and at by coordinates.
	before, read       int64
	landed             int64
	about              map[string]int
	at                 map[int64]bool
	refusals, forwards int
}

// Within implements chain.Contents: a run keeps its history.
func (l *logCount) Within() { l.find("the beginning of the log is gone") }

// Forget implements chain.Contents.
func (l *logCount) Forget() string {
	l.find("the loss of records was accepted")
	return "all"
}

// Batch implements chain.Contents.
func (l *logCount) Batch(_, landed int64) {
	l.of.found = append(l.of.found, l.settle()...)
	l.before, l.landed, l.about, l.at = l.read, landed, map[string]int{}, map[int64]bool{}
	if next, ok := position(l.inputs[landed], fmt.Sprintf("%s/%d", l.of.topics.Requests(), l.number)); ok {
		l.read = next
	}
	maps.DeleteFunc(l.inputs, func(at int64, _ string) bool { return at <= landed })
}

// Follow implements chain.Contents.
func (l *logCount) Follow(_ chain.At, m proto.Message) {
	switch m := m.(type) {
	case *events.TaskAccepted:
		f := l.task(m.GetTask().GetId())
		f.pool, f.kind = m.GetTask().GetPool(), m.GetTask().GetKind()
		f.accepted++
	case *events.TaskRepeated:
		l.task(m.TaskId).repeated++
	case *events.TaskRejected:
		l.here(m.Source, &l.refusals)
		if m.TaskId != "" {
			l.task(m.TaskId).refused = true
		}
	case *events.TaskForwarded:
		l.here(m.Source, &l.forwards)
		l.task(m.TaskId).forwarded = true
	case *events.TaskSucceeded:
		l.ended(m.TaskId)
	case *events.TaskFailed:
		l.ended(m.TaskId)
	case *events.TaskExpired:
		l.ended(m.TaskId)
	case *events.TaskCancelled:
		l.ended(m.TaskId)
	case *events.TaskDeadLettered:
		l.ended(m.TaskId)
	}
}

// task notes that the batch decides something about a task.
func (l *logCount) task(id string) *fate {
	l.about[id]++
	return l.fate(id)
}

func (l *logCount) ended(id string) { l.fate(id).ended++ }

func (l *logCount) fate(id string) *fate {
	if l.of.tasks[id] == nil {
		l.of.tasks[id] = &fate{}
	}
	return l.of.tasks[id]
}

// here notes that the batch decides what stands at a place.
func (l *logCount) here(s *events.Source, count *int) {
	if s.GetTopic() == l.of.topics.Requests() && s.GetPartition() == l.number {
		l.at[s.GetOffset()] = true
		*count++
	}
}

// settle demands that the last batch decided every request which it read.
func (l *logCount) settle() (found []string) {
	for offset := l.before; offset < l.read; offset++ {
		id, asked := l.asked[offset]
		switch {
		case !asked || l.at[offset]:
		case id != "" && l.about[id] > 0:
			l.about[id]--
		default:
			found = append(found, fmt.Sprintf("%s/%d@%d (task %q) was acknowledged, and the batch at %d of its log, which read it, neither accepts, repeats, refuses nor forwards it",
				l.of.topics.Requests(), l.number, offset, id, l.landed))
		}
	}
	l.before = l.read
	return found
}

func (l *logCount) find(what string) {
	l.of.found = append(l.of.found, fmt.Sprintf("%s/%d: %s", l.of.topics.Events(), l.number, what))
}

// position finds where a batch's inputs stand in one partition: wire.md,
// "topic/partition@next,…".
func position(inputs, of string) (next int64, ok bool) {
	for part := range strings.SplitSeq(inputs, ",") {
		if at, found := strings.CutPrefix(part, of+"@"); found {
			n, err := strconv.ParseInt(at, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
