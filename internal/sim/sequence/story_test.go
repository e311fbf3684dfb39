package sequence

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	judge "github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

const (
	topic     = "spanway.queue.site"
	writers   = 3
	changes   = 60
	ahead     = 5 // calls that a writer has under way
	chaosTime = 4 * time.Second
	quietTime = 3 * time.Second
)

// mutant breaks one rule.
type mutant struct {
	bareStates bool // a state that is stored knows no number but those of the entries that are held
	termless   bool // every entry is folded as one of the highest term
	ownCount   bool // a writer goes on behind what it has sent, also if that was refused
	trustsAcks bool // a writer takes an acknowledgement for acceptance
}

// story is a world of writers of one queue.
type story struct {
	world  *sim.World
	log    *sim.Partition
	nodes  []*sim.Node
	mutant mutant
	terms  uint64
	stored []byte // the newest state, and the offset below which it is folded
	at     int64
	told   map[sharedlog.CallID]events.Code
}

func newStory(seed uint64, m mutant) *story {
	w := sim.NewWorld(seed)
	s := &story{world: w, log: sim.NewPartition(), mutant: m, told: map[sharedlog.CallID]events.Code{}}
	s.log.Forgetful = w.Chance(0.5)
	w.Chances = sim.Chances{Drop: 0.05, Double: 0.08, Slow: 0.08, SlowMax: 2 * time.Second}
	create := &events.QueueConfigured{Create: true, Settings: &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_SEQUENCE}}
	_, _ = s.log.Append(context.Background(), []events.Record{s.record(sharedlog.CallID{1}, 0, create)})
	return s
}

func (s *story) record(id sharedlog.CallID, seen int64, m proto.Message) events.Record {
	r, err := sharedlog.Encode(events.Encoder{Source: "writer"}, id, seen, m)
	if err != nil {
		panic(err)
	}
	return r
}

// Run is a time of chaos, then one of peace in which a new writer puts in what is left.
func (s *story) Run() {
	w := s.world
	for i := range writers {
		n := w.NewNode(fmt.Sprint("writer-", i), s.live)
		n.Misfortune(chaosTime, 700*time.Millisecond)
		s.nodes = append(s.nodes, n)
	}
	w.Run(chaosTime)
	w.Chances = sim.Chances{}
	s.nodes[0].Restart()
	w.Run(quietTime)
	for _, n := range s.nodes {
		n.Stop()
	}
}

// Records implements sim.Story.
func (s *story) Records() []events.Record { return s.log.Records() }

// Check implements sim.Story.
func (s *story) Check() error {
	p, core := judge.NewPartition(topic, judge.Options{}), order.New()
	fold := sharedlog.NewFold(core, sharedlog.Horizon)
	accepted := map[int64]bool{}
	p.Decided = func(_ [16]byte, at int64, code events.Code) { accepted[at] = code == "" }
	var last order.Sequence
	records := s.log.Records()
	for i := range records {
		r := &records[i]
		p.Feed(r)
		fold.Apply(logged(r))
		m, err := events.Message(r)
		if err != nil {
			return err
		}
		put, ok := m.(*events.QueueEnqueued)
		if !ok || !accepted[r.Offset] {
			continue
		}
		id, err := order.ParseSequence(put.Id)
		switch {
		case err != nil:
			return err
		case id.Number != last.Number+1 || id.Term < last.Term:
			return fmt.Errorf("offset %d: %v is accepted behind %v", r.Offset, id, last)
		case string(put.Payload) != content(id.Number):
			return fmt.Errorf("offset %d: %v holds %q, which is another change", r.Offset, id, put.Payload)
		}
		last = id
	}
	var places []judge.Place
	for _, e := range core.Entries(nil, -1, changes) {
		places = append(places, judge.Place{ID: e.ID, Seq: e.Seq})
	}
	p.Ordering(places)
	for id, code := range s.told {
		p.Told(id, code)
	}
	if r := p.Report(); !r.OK() {
		return fmt.Errorf("the judge finds %+v", r.Findings[0])
	}
	if last.Number != changes {
		return fmt.Errorf("of %d changes %d were put in", changes, last.Number)
	}
	return nil
}

// content is that of a change.
func content(n uint64) string { return fmt.Sprint("change ", n) }

// waiting is a call that a writer has made.
type waiting struct {
	id     sharedlog.CallID
	record events.Record
	number uint64 // of the entry that it puts in
}

// writer is one life.
type writer struct {
	*story
	process *sim.Process
	log     *sim.Handle
	core    *order.Queue
	fold    *sharedlog.Fold
	term    uint64
	next    int64 // offset
	calls   []*waiting
	sent    uint64 // the newest number that it has sent
	ended   bool   // a newer term is there
}

func (s *story) live(p *sim.Process) {
	s.terms++
	w := &writer{story: s, process: p, log: s.log.Open(p), core: order.New(), term: s.terms, next: s.at}
	w.fold = sharedlog.NewFold(w.core, sharedlog.Horizon)
	if s.stored != nil {
		if err := w.fold.Restore(s.stored); err != nil {
			panic(err)
		}
	}
	w.fold.Decided, w.fold.Repeated = w.decided, w.decided
	w.read(s.log.End())
	last, _ := w.core.Last()
	w.sent = last.Number
	for !w.ended {
		w.read(0)
		w.store()
		w.put()
		w.takeOut()
		w.again()
		p.Sleep(s.world.Between(5*time.Millisecond, 40*time.Millisecond))
	}
}

// read folds a page, or up to an offset at least.
func (w *writer) read(to int64) {
	for {
		page, err := w.log.Fetch(context.Background(), w.next, 10*time.Millisecond)
		if err == nil {
			for i := range page.Records {
				l := logged(&page.Records[i])
				if put, ok := l.Message.(*events.QueueEnqueued); ok && w.mutant.termless {
					w.bend(put)
				}
				w.fold.Apply(l)
			}
			w.next = page.Next
		}
		if w.next >= to {
			return
		}
	}
}

// bend makes an entry one of the highest term, if it is of a lower one.
func (w *writer) bend(put *events.QueueEnqueued) {
	last, _ := w.core.Last()
	if id, err := order.ParseSequence(put.Id); err == nil && id.Term < last.Term {
		put.Id = order.Sequence{Term: last.Term, Number: id.Number}.String()
	}
}

// decided is told of each call, and of its copies.
func (w *writer) decided(c *sharedlog.Call, v sharedlog.Verdict) {
	i := slices.IndexFunc(w.calls, func(made *waiting) bool { return made.id == c.ID })
	if i < 0 {
		return
	}
	made := w.calls[i]
	w.calls = slices.Delete(w.calls, i, i+1)
	w.told[c.ID] = v.Code
	switch {
	case v.Code == events.CodeOldTerm:
		w.ended = true
	case v.Code != "" && made.number > 0 && !w.mutant.ownCount:
		last, _ := w.core.Last()
		w.sent = min(w.sent, last.Number) // It goes on behind what is there.
	}
}

// put puts the next changes in.
func (w *writer) put() {
	last, next := w.core.Last()
	if last.Term > w.term {
		w.ended = true
		return
	}
	number := max(next, w.sent+1)
	for ; len(w.calls) < ahead && number <= changes; number++ {
		w.make(&events.QueueEnqueued{Id: order.Sequence{Term: w.term, Number: number}.String(), Payload: []byte(content(number))}, number)
		w.sent = number
	}
}

// takeOut is what a site has applied, or what is withdrawn.
func (w *writer) takeOut() {
	held := w.core.Entries(nil, -1, changes)
	if len(held) == 0 || !w.world.Chance(0.2) {
		return
	}
	e := held[w.world.Rand.IntN(len(held))]
	if id, err := order.ParseSequence(e.ID); err == nil && w.world.Chance(0.2) {
		w.make(&events.QueueTrimmed{Through: int64(id.Number)}, 0)
		return
	}
	w.make(&events.QueueRemoved{Id: e.ID}, 0)
}

func (w *writer) make(m proto.Message, number uint64) {
	id := sharedlog.CallID(w.world.Random())
	made := &waiting{id: id, record: w.record(id, w.next, m), number: number}
	w.calls = append(w.calls, made)
	w.send(made)
}

func (w *writer) send(made *waiting) {
	w.log.Send([]events.Record{made.record}, func(int64) {
		if w.mutant.trustsAcks {
			w.told[made.id] = ""
		}
	})
}

// again appends the oldest call once more: it may have been dropped.
func (w *writer) again() {
	if len(w.calls) > 0 && w.world.Chance(0.3) {
		w.send(w.calls[0])
	}
}

// store keeps the state for lives to come.
func (w *writer) store() {
	if w.next <= w.at || !w.world.Chance(0.3) {
		return
	}
	w.at, w.stored = w.next, w.fold.Snapshot(nil)
	if w.mutant.bareStates {
		w.stored = w.bare()
	}
}

// bare is the state without what is remembered of the sequence: four numbers at its end.
func (w *writer) bare() []byte {
	var last order.Sequence
	if held := w.core.Entries(nil, -1, changes); len(held) > 0 {
		last, _ = order.ParseSequence(held[len(held)-1].ID)
	}
	state := w.stored[:len(w.stored)-4] // Each has one byte: terms and numbers are small.
	return append(state, byte(last.Term), byte(last.Number), byte(last.Number), 0)
}

// logged is a record as a follower hands it to a fold.
func logged(r *events.Record) events.Logged {
	call, _ := r.Header(events.HeaderCall)
	seen, _ := r.Header(events.HeaderSeen)
	m, err := events.Message(r)
	if err != nil {
		panic(err)
	}
	c := &events.Called{ID: [16]byte(call), Seen: int64(binary.BigEndian.Uint64(seen))}
	return events.Logged{Offset: r.Offset, Type: events.TypeOfRecord(r), Message: m, Call: c}
}
