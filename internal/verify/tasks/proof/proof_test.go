package proof

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// TestLargeProof: the log of a long and eventful story keeps the guarantees at
// every prefix, for two judges that have nothing in common; and each of many
// corruptions of it, linked as if an owner had written them, is found.
func TestLargeProof(t *testing.T) {
	s := newStory(t, 1)
	s.tell()
	texts := map[string]expr{}
	for _, e := range slices.Concat(s.texts, acceptances) {
		texts[e.text] = e
	}
	l := evidenceOf(t, s.records())
	l.index()
	checkStory(t, l)
	checkPrefixes(t, l, texts)
	t.Run("its beginning deleted", func(t *testing.T) { checkCut(t, l) })
	for i, c := range slices.Concat(corruptions, wholeCorruptions) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkFound(t, l, c, uint64(i))
		})
	}
}

func evidenceOf(t *testing.T, records []events.Record) *evidence {
	l := &evidence{records: records, messages: make([]proto.Message, len(records))}
	for i := range records {
		_, m, err := events.DecodeTrusted(&records[i])
		if err != nil || records[i].Offset != int64(i) {
			t.Fatal(i, records[i].Offset, err)
		}
		l.messages[i] = m
	}
	return l
}

// checkStory: the story has in it what it is to have.
func checkStory(t *testing.T, l *evidence) {
	seen, predicates := map[string]int{}, map[string]bool{}
	for _, m := range l.messages {
		seen[string(events.TypeOf(m))]++
		if m, ok := m.(*events.TaskAccepted); ok {
			predicates[m.Task.Predicate] = true
		}
	}
	t.Logf("%d events, %d different predicates: %v", len(l.messages), len(predicates), seen)
	if n, refused := seen["spanway.task.accepted.v1"], seen["spanway.task.rejected.v1"]; n+refused != manyTasks || refused > manyTasks/50 {
		t.Errorf("%d tasks were accepted and %d refused, of %d", n, refused, manyTasks)
	}
	if n := seen["spanway.task.assigned.v1"]; n < manyTasks*3/5 {
		t.Errorf("%d assignments for %d tasks", n, manyTasks)
	}
	for typ, least := range map[string]int{
		"spanway.engine.registered.v1": manyEngines, "spanway.engine.lost.v1": manyEngines / 20, "spanway.engine.departed.v1": few,
		"spanway.engine.draining.v1": manyEngines / 20, "spanway.engine.resumed.v1": few, "spanway.task.expired.v1": few,
		"spanway.task.failed.v1": few, "spanway.task.attempt_failed.v1": few, "spanway.task.attempt_returned.v1": few,
		"spanway.task.assignment_refused.v1": few, "spanway.task.dead_lettered.v1": few, "spanway.task.stale_result_rejected.v1": few,
		"spanway.task.started.v1": few, "spanway.log.claimed.v1": owners,
		"spanway.engine.observed.v1": manyEngines, "spanway.task.reserved.v1": few, "spanway.task.cancelled.v1": few,
		"spanway.pool.configured.v1": 1, "spanway.log.fold_version_raised.v1": 1,
	} {
		if seen[typ] < least {
			t.Errorf("only %d of %s; want %d", seen[typ], typ, least)
		}
	}
}

// checkPrefixes has the log judged record by record, and random prefixes of it by
// the naive recount as well: both find nothing, and count the same.
func checkPrefixes(t *testing.T, l *evidence, texts map[string]expr) {
	const many = 60
	r := rand.New(rand.NewPCG(2, 2))
	ends, cuts := map[int]bool{}, map[int]bool{len(l.records) - 1: true}
	for range many {
		ends[l.any(r, func(at int) bool { _, ok := l.messages[at].(*events.TaskAssigned); return ok })] = true
	}
	for range many / 10 { // Package verify counts whole batches.
		cuts[l.any(r, func(at int) bool { return at+1 < len(l.records) && begins(&l.records[at+1]) })] = true
	}
	p := tasks.NewPartition(topics.Events(), partition, tasks.Options{})
	for i := range l.records {
		if ends[i] {
			checkNext(t, l, texts, i)
		}
		p.Feed(&l.records[i])
		if !cuts[i] {
			continue
		}
		report, naive := p.Report(), count(l.messages[:i+1])
		if report.Tasks != naive.accepted || report.Open != int64(len(naive.tasks)) || report.Assignments != naive.given {
			t.Errorf("offset %d: the judges count differently: %+v; %d accepted, %d open, %d assigned",
				i, report, naive.accepted, len(naive.tasks), naive.given)
		}
	}
	report := p.Report()
	if report.Counted != report.Records || report.Claims != owners {
		t.Errorf("not all counts: %+v", report)
	}
	for _, f := range report.Findings {
		t.Errorf("%+v", f)
	}
}

func begins(r *events.Record) bool {
	_, ok := r.Header(events.HeaderLog)
	return ok
}

// checkNext recounts what stands before an assignment, and judges it.
func checkNext(t *testing.T, l *evidence, texts map[string]expr, at int) {
	naive := count(l.messages[:at])
	if err := naive.match(l.messages[at].(*events.TaskAssigned), texts); err != nil {
		t.Errorf("offset %d: %v", at, err)
	}
	naive.take(l.messages[at])
	if err := naive.capacity(); err != nil {
		t.Errorf("offset %d: %v", at, err)
	}
}

// judge has a whole log judged.
func judge(records []events.Record) tasks.Report {
	p := tasks.NewPartition(topics.Events(), partition, tasks.Options{})
	for i := range records {
		p.Feed(&records[i])
	}
	return p.Report()
}

// checkCut: what is left of the log when its beginning is deleted is sound, too,
// and most of it can be judged in full soon.
func checkCut(t *testing.T, l *evidence) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 3 {
		from := l.any(r, func(at int) bool { return begins(&l.records[at]) && at > len(l.records)/10 && at < len(l.records)*9/10 })
		report := judge(l.records[from:])
		if !report.OK() {
			t.Errorf("cut at %d: %+v", from, report.Findings[0])
		}
		if p := report.Partial[0]; p.From != int64(from) || p.Tasks == 0 || p.Engines == 0 || report.Assignments == p.Unjudged {
			t.Errorf("cut at %d: %+v", from, p)
		}
	}
}

// checkFound has a corrupted log judged, up to the first finding.
func checkFound(t *testing.T, l *evidence, c corruption, seed uint64) {
	changes := c.make(rand.New(rand.NewPCG(seed, 3)), l)
	records := forge(t, l.records, changes)
	p := tasks.NewPartition(topics.Events(), partition, tasks.Options{})
	for i := range records {
		p.Feed(&records[i])
		if i%1000 > 0 && i < len(records)-1 {
			continue
		}
		if r := p.Report(); !r.OK() {
			if f := r.Findings[0]; !strings.Contains(c.rules, f.Rule) {
				t.Errorf("changed at %v, found as %+v; want %s", slices.Collect(maps.Keys(changes)), f, c.rules)
			}
			return
		}
	}
	t.Errorf("changed at %v to %v, and nothing was found", slices.Collect(maps.Keys(changes)), changes)
}

// forge changes events, and links the batches anew, so that all of them count.
func forge(t *testing.T, sound []events.Record, changes map[int]proto.Message) []events.Record {
	records := slices.Clone(sound)
	for at, m := range changes {
		r := &records[at]
		r.Headers = slices.Clone(r.Headers)
		if r.Value = nil; m == nil {
			continue
		}
		value, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r.Value = value
		for i := range r.Headers {
			if r.Headers[i].Key == events.HeaderType {
				r.Headers[i].Value = []byte(events.TypeOf(m))
			}
		}
	}
	history := uint64(0)
	for first := 0; first < len(records); {
		i := slices.IndexFunc(records[first].Headers, func(h events.Header) bool { return h.Key == events.HeaderLog })
		old := records[first].Headers[i].Value
		batch := records[first : first+int(binary.BigEndian.Uint32(old[28:]))]
		value := binary.BigEndian.AppendUint64(slices.Clone(old[:8]), history)
		history = eventlog.Hash(history, batch)
		value = append(binary.BigEndian.AppendUint64(value, history), old[24:]...)
		records[first].Headers = slices.Clone(records[first].Headers)
		records[first].Headers[i].Value = value
		first += len(batch)
	}
	return records
}
