package queue_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/pkg/queue/order"
)

// writer makes random logs: sound calls, copies, calls that come late, absurd ones.
type writer struct {
	*log
	r      *rand.Rand
	kind   events.QueueIDs
	ids    int // how many are in use
	now    int64
	tokens []int64
	hour   int64 // of UUIDs
	// core has folded what was written, so that numbers of a sequence can follow.
	core *order.Queue
	fold *sharedlog.Fold
	done int // how many of the records it has folded
}

func (w *writer) id() string {
	n := w.r.IntN(w.ids) + int(w.next%1_000_000)/40 // What was removed does not come back: new ones are needed.
	switch w.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		ms := w.hour*3_600_000 - int64(n)*1_800_000 + 1<<40
		return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, n%5)
	case events.QueueIDs_QUEUE_IDS_SPACE:
		return strconv.Itoa(n)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		return w.numbered()
	}
	return "entry " + strconv.Itoa(n)
}

// numbered is an ID of a sequence: mostly the next one or one that is held, else any near them.
func (w *writer) numbered() string {
	last, next := w.core.Last()
	id := order.Sequence{Term: max(1, last.Term), Number: max(1, next)}
	switch w.r.IntN(8) {
	case 0:
		id.Term += uint64(w.r.IntN(3))
	case 1:
		id.Term = uint64(1 + w.r.IntN(int(id.Term)))
		fallthrough
	case 2, 3:
		id.Number = uint64(max(1, int64(id.Number)+2-int64(w.r.IntN(w.ids))))
	case 4:
		if some := w.core.Entries(nil, -1, 20); len(some) > 0 {
			return some[w.r.IntN(len(some))].ID
		}
	}
	return id.String()
}

// message is a call; in one of four that names a queue it is another one than the log's.
func (w *writer) message() proto.Message {
	m := w.call()
	if w.r.IntN(4) > 0 {
		return m
	}
	creation := uint64(w.r.IntN(2)) + 1<<56 // The ID of the call that created it is 1, 0...
	switch m := m.(type) {
	case *events.QueueEnqueued:
		m.Creation = creation
	case *events.QueueClaimed:
		m.Creation = creation
	case *events.QueueDone:
		m.Creation = creation
	case *events.QueueConfigured:
		m.Creation = creation
	case *events.QueueDeleted:
		m.Creation = creation
	}
	return m
}

func (w *writer) call() proto.Message {
	token := w.tokens[max(0, len(w.tokens)-1-w.r.IntN(4))]
	switch w.r.IntN(12) {
	case 0, 1, 2, 3:
		return &events.QueueEnqueued{Id: w.id(), Payload: make([]byte, w.r.IntN(30))}
	case 4:
		if w.r.IntN(4) == 0 {
			_, next := w.core.Last()
			return &events.QueueTrimmed{Through: int64(next) + 2 - int64(w.r.IntN(w.ids))}
		}
		return &events.QueueRemoved{Id: w.id()}
	case 5:
		w.tokens = append(w.tokens, w.next)
		if w.r.IntN(3) == 0 {
			return &events.QueueClaimed{Ids: []string{w.id(), w.id()}[:1+w.r.IntN(2)], LeaseMs: int64(1 + w.r.IntN(4000))}
		}
		return &events.QueueClaimed{Count: int32(w.r.IntN(4)), LeaseMs: int64(1 + w.r.IntN(4000)), Holder: "h"}
	case 6:
		return &events.QueueClaimExtended{Id: w.id(), Token: token, LeaseMs: int64(1 + w.r.IntN(4000))}
	case 7:
		return &events.QueueDone{Id: w.id(), Token: token}
	case 8:
		return &events.QueueReleased{Id: w.id(), Token: token}
	case 9:
		m := &events.LogTimePassed{FromMs: w.now, ToMs: w.now + int64(w.r.IntN(3000))}
		if w.r.IntN(20) == 0 {
			return &events.LogTimePassed{FromMs: w.now, ToMs: w.now + 3_600_001 + int64(w.r.IntN(1<<20))}
		}
		if w.r.IntN(5) == 0 {
			m.FromMs++
		} else {
			w.now = m.ToMs
		}
		return m
	case 10:
		w.hour += int64(w.r.IntN(3))
		return &events.QueueEnqueued{Id: w.id()}
	default:
		if w.r.IntN(40) == 0 {
			return &events.QueueDeleted{Force: w.r.IntN(8) == 0}
		}
		return &events.QueueConfigured{Create: w.r.IntN(2) == 0, Settings: &events.QueueSettings{
			MaxEntries: int64(w.r.IntN(40)), MaxBytes: int64(w.r.IntN(900)), Ids: w.kind, Space: space(w.kind),
		}}
	}
}

func space(kind events.QueueIDs) string {
	if kind == events.QueueIDs_QUEUE_IDS_SPACE {
		return "s"
	}
	return ""
}

// catchUp folds what was written since.
func (w *writer) catchUp() {
	if w.fold == nil {
		w.core = order.New()
		w.fold = sharedlog.NewFold(w.core, sharedlog.Horizon)
	}
	for ; w.done < len(w.records); w.done++ {
		if l, ok := logged(&w.records[w.done]); ok {
			w.fold.Apply(l)
		}
	}
}

func (w *writer) step() {
	w.catchUp()
	if w.r.IntN(100) == 0 {
		w.next += int64(w.r.IntN(900_000)) // Offsets have gaps, and the horizon ends.
	}
	end := w.next
	switch w.r.IntN(20) {
	case 0: // A copy.
		r := w.records[w.r.IntN(len(w.records))]
		w.append(r)
	case 1: // It comes too late, or before what it had seen.
		w.add(sharedlog.CallID{1, byte(end), byte(end >> 8), byte(end >> 16)}, []int64{-1, end + 1, end}[w.r.IntN(3)], w.message())
	default:
		w.add(sharedlog.CallID{2, byte(end), byte(end >> 8), byte(end >> 16)}, end-int64(w.r.IntN(3)), w.message())
	}
}

// twin compares the verdicts of the core on a log with those of the judge, and the orderings.
func twin(t *testing.T, records []events.Record) {
	t.Helper()
	core := order.New()
	fold := sharedlog.NewFold(core, sharedlog.Horizon)
	type verdict struct {
		call   [16]byte
		offset int64
		code   events.Code
	}
	var want, got []verdict
	fold.Decided = func(c *sharedlog.Call, v sharedlog.Verdict) { want = append(want, verdict{c.ID, v.Offset, v.Code}) }
	p := queue.NewPartition(topic, queue.Options{})
	p.Decided = func(call [16]byte, offset int64, code events.Code) { got = append(got, verdict{call, offset, code}) }
	for i := range records {
		p.Feed(&records[i])
		if l, ok := logged(&records[i]); ok {
			fold.Apply(l)
		}
		if n := len(got); n != len(want) || n > 0 && got[n-1] != want[n-1] {
			m, _ := events.Message(&records[i])
			t.Fatalf("at %d, %T %v: the judge decides %+v, the core %+v", i, m, m, got[max(0, n-1):], want[max(0, len(want)-1):])
		}
	}
	var places []queue.Place
	for _, e := range core.Entries(nil, -1, 1<<30) {
		places = append(places, queue.Place{ID: e.ID, Seq: e.Seq})
	}
	p.Ordering(places)
	told := map[[16]byte]bool{}
	for _, v := range want {
		if !told[v.call] { // A copy that comes too late is told to no caller.
			p.Told(v.call, v.code)
		}
		told[v.call] = true
	}
	r := p.Report()
	if r.Violations != r.Losses {
		t.Fatalf("found %+v", r.Findings)
	}
}

// The judge and the core decide alike, on random logs of each kind of IDs.
func TestTheJudgeAndTheCoreAgree(t *testing.T) {
	seen := map[events.Type]int{}
	for _, kind := range []events.QueueIDs{events.QueueIDs_QUEUE_IDS_ANY, events.QueueIDs_QUEUE_IDS_UUIDV7, events.QueueIDs_QUEUE_IDS_SPACE, events.QueueIDs_QUEUE_IDS_SEQUENCE} {
		for seed := range uint64(20) {
			w := &writer{log: newLog(t, &events.QueueSettings{Ids: kind, Space: space(kind)}), r: rand.New(rand.NewPCG(seed, uint64(kind))), kind: kind, tokens: []int64{0}, ids: 4 + 56*int(seed%2)}
			for range 600 {
				w.step()
			}
			twin(t, w.records)
			for i := range w.records {
				seen[events.TypeOfRecord(&w.records[i])]++
			}
		}
	}
	if never := eventstest.Unseen(seen, "spanway.queue."); len(never) > 0 {
		t.Errorf("no log had %q", never)
	}
}

// The same on absurd calls.
func TestAbsurdCalls(t *testing.T) {
	known := eventstest.Known{"id": "a", "token": int64(2)}
	for _, typ := range events.Types() {
		if !slices.Contains([]string{"spanway.queue", "spanway.log.t"}, string(typ)[:13]) {
			continue
		}
		l := newLog(t, nil)
		n := byte(0)
		for _, m := range eventstest.Absurd(typ, known) {
			n++
			if n%50 == 1 { // A call that deletes a queue is not the last.
				twin(t, l.records)
				l = newLog(t, nil)
				l.add(sharedlog.CallID{0, 1}, 1, &events.QueueEnqueued{Id: "a"})
				l.add(sharedlog.CallID{0, 2}, 2, &events.QueueClaimed{LeaseMs: 1000})
			}
			r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{7, n, byte(l.next)}, l.next, m)
			if err == nil { // Else no record can say it.
				l.append(r)
			}
		}
		twin(t, l.records)
	}
}

// Nothing that stands in a log stops the judge.
func FuzzFeed(f *testing.F) {
	l, _ := sound(f)
	for _, r := range l.records {
		f.Add(r.Value, []byte(string(rune(len(r.Headers)))), int64(3))
	}
	f.Fuzz(func(t *testing.T, value, call []byte, seen int64) {
		l, _ := sound(t)
		r := l.records[1]
		r.Value = value
		r.Headers = append([]events.Header{{Key: events.HeaderCall, Value: call}}, r.Headers...)
		l.append(r)
		l.add(sharedlog.CallID{200}, seen, &events.QueueDone{})
		l.judge().Report()
	})
}
