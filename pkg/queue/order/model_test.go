package order_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/pkg/queue/order"
)

// model is a queue in the simplest form: lists that are searched from the front.
type model struct {
	held    []order.Entry
	begun   map[int64]bool
	lease   map[int64]int64
	atLeast map[int64]int64
	removed map[string]bool
	most    int // entries; 0: any number
	// Of a sequence: the IDs that were put in, and up to which number was trimmed.
	line    []order.Sequence
	trimmed uint64
	over    bool
	// sequence: the IDs are one.
	sequence bool
}

func newModel() *model {
	return &model{begun: map[int64]bool{}, lease: map[int64]int64{}, atLeast: map[int64]int64{}, removed: map[string]bool{}}
}

func (m *model) find(id string) int {
	return slices.IndexFunc(m.held, func(e order.Entry) bool { return e.ID == id })
}

func (m *model) take(at int) {
	m.removed[m.held[at].ID] = true
	m.held = slices.Delete(m.held, at, at+1)
}

func (m *model) holds(id string, token int64) bool {
	at := m.find(id)
	return at >= 0 && m.held[at].Claim != nil && m.held[at].Claim.Token == token
}

// decide folds a call that is well formed, and tells whether it is accepted.
func (m *model) decide(call proto.Message, offset, now int64) bool {
	begin := func(seq, lease int64) {
		m.begun[seq], m.lease[seq], m.atLeast[seq] = false, lease, max(m.atLeast[seq], now+lease)
	}
	if m.over {
		return false
	}
	switch c := call.(type) {
	case *events.QueueConfigured:
		m.most = int(c.Settings.MaxEntries)
	case *events.QueueDeleted:
		if len(m.held) > 0 && !c.Force {
			return false
		}
		m.over, m.held = true, nil
	case *events.QueueTrimmed:
		return m.trim(c)
	case *events.QueueEnqueued:
		id, err := order.ParseSequence(c.Id)
		if m.sequence && (err != nil || !m.follows(id)) {
			return false
		}
		if m.find(c.Id) >= 0 || m.removed[c.Id] || m.most > 0 && len(m.held) >= m.most {
			return false
		}
		m.line = append(m.line, id)
		m.held = append(m.held, order.Entry{ID: c.Id, Seq: offset, Size: int64(len(c.Payload))})
	case *events.QueueRemoved:
		at := m.find(c.Id)
		if at < 0 {
			return false
		}
		m.take(at)
	case *events.QueueClaimed:
		n := 0
		for i := range m.held {
			if e := &m.held[i]; e.Claim == nil && n < int(c.Count) {
				e.Claim = &order.Claim{Token: offset, Holder: c.Holder}
				m.atLeast[e.Seq] = 0
				begin(e.Seq, c.LeaseMs)
				n++
			}
		}
		return n > 0
	case *events.QueueClaimExtended:
		if !m.holds(c.Id, c.Token) {
			return false
		}
		begin(m.held[m.find(c.Id)].Seq, c.LeaseMs)
	case *events.QueueDone:
		if !m.holds(c.Id, c.Token) {
			return false
		}
		m.take(m.find(c.Id))
	case *events.QueueReleased:
		if !m.holds(c.Id, c.Token) {
			return false
		}
		m.held[m.find(c.Id)].Claim = nil
	}
	return true
}

func (m *model) pass(now int64) {
	for i := range m.held {
		e := &m.held[i]
		if e.Claim == nil {
			continue
		}
		if !m.begun[e.Seq] {
			m.begun[e.Seq], m.atLeast[e.Seq] = true, max(m.atLeast[e.Seq], now+m.lease[e.Seq])
		}
		if m.atLeast[e.Seq] <= now {
			e.Claim = nil
		}
	}
}

// entries are those of the model, with the ends of leases as the queue shows them.
func (m *model) entries() (out []order.Entry) {
	for _, e := range m.held {
		if e.Claim != nil {
			e.Claim = &order.Claim{Token: e.Claim.Token, Holder: e.Claim.Holder}
			if m.begun[e.Seq] {
				e.Claim.Ends = m.atLeast[e.Seq]
			}
		}
		out = append(out, e)
	}
	return out
}

// world runs a queue beside the model, and beside queues that were restored on the way.
type world struct {
	log
	m      *model
	others []*log // restored; they get the same calls from then on
	draw   func(n int) int
	ids    int // how many IDs are in use
	kind   events.QueueIDs
	rules  *events.QueueSettings
	tokens []int64
	// accepted and refused count the calls, by type.
	accepted, refused map[events.Type]int
}

func newWorld(t testing.TB, kind events.QueueIDs, ids int, draw func(n int) int) *world {
	s := &events.QueueSettings{Ids: kind}
	if kind == events.QueueIDs_QUEUE_IDS_SPACE {
		s.Space = "s"
	}
	m := newModel()
	m.sequence = kind == events.QueueIDs_QUEUE_IDS_SEQUENCE
	return &world{
		log: *newLog(t, s), m: m, draw: draw, ids: ids, kind: kind, rules: s, tokens: []int64{0},
		accepted: map[events.Type]int{events.TypeLogTimePassed: 1}, refused: map[events.Type]int{},
	}
}

func (w *world) id() string {
	n := w.draw(w.ids)
	switch w.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		return fmt.Sprintf("01893000-%04x-7000-8000-%012x", n%7, n)
	case events.QueueIDs_QUEUE_IDS_SPACE:
		return strconv.Itoa(n)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		return w.nearby().String()
	}
	return "entry " + strconv.Itoa(n)
}

func (w *world) next() proto.Message {
	token := w.tokens[w.draw(len(w.tokens))]
	id := w.id()
	// Most calls that name a claim name one that is there.
	if claimed := slices.DeleteFunc(slices.Clone(w.m.held), func(e order.Entry) bool { return e.Claim == nil }); len(claimed) > 0 && w.draw(4) > 0 {
		e := claimed[w.draw(len(claimed))]
		id, token = e.ID, e.Claim.Token
	}
	switch w.draw(9) {
	case 0:
		if w.draw(4) == 0 {
			return &events.QueueTrimmed{Through: int64(w.m.next()) + 1 - int64(w.draw(w.ids))}
		}
		return &events.QueueRemoved{Id: w.held()}
	case 1:
		return &events.QueueClaimed{Count: int32(1 + w.draw(3)), LeaseMs: int64(1 + w.draw(5000)), Holder: "h"}
	case 2:
		return &events.QueueClaimExtended{Id: id, Token: token, LeaseMs: int64(1 + w.draw(5000))}
	case 3:
		return &events.QueueDone{Id: id, Token: token}
	case 4:
		return &events.QueueReleased{Id: id, Token: token}
	case 5:
		if w.draw(10) == 9 {
			return &events.QueueDeleted{Force: w.draw(4) == 3}
		}
		rules := proto.CloneOf(w.rules)
		if w.draw(2) == 1 {
			rules.MaxEntries = int64(w.ids/4 + w.draw(w.ids))
		}
		return &events.QueueConfigured{Settings: rules}
	default:
		return &events.QueueEnqueued{Id: w.id(), Payload: make([]byte, w.draw(9))}
	}
}

func (w *world) step(t interface{ Fatalf(string, ...any) }) {
	if w.draw(10) == 0 {
		now := w.now + int64(w.draw(3000))
		w.m.pass(now)
		for _, o := range w.others {
			o.pass(now)
		}
		w.pass(now)
		return
	}
	call, offset := w.next(), w.offset
	accepted := w.m.decide(call, offset, w.now)
	for _, o := range w.others {
		o.call(call)
	}
	if code := w.call(call); (code == "") != accepted {
		t.Fatalf("at %d %T %v is decided %q; the model accepts: %v", offset, call, call, code, accepted)
	}
	if accepted {
		w.accepted[events.TypeOf(call)]++
	} else {
		w.refused[events.TypeOf(call)]++
	}
	if _, ok := call.(*events.QueueClaimed); ok && accepted {
		w.tokens = append(w.tokens, offset)
	}
}

// check compares all that can be asked.
func (w *world) check(t interface{ Fatalf(string, ...any) }) {
	want := w.m.entries()
	var counts order.Counts
	floor, due := int64(math.MaxInt64), int64(math.MaxInt64)
	for i, e := range want {
		if i == 0 {
			floor = e.Seq
		}
		counts.Entries++
		counts.Bytes += int64(len(e.ID)) + e.Size
		if e.Claim != nil {
			counts.Claimed++
			due = min(due, cmp.Or(e.Claim.Ends, w.now+1000))
		}
	}
	got := w.q.Counts()
	got.Removed, got.RemovedBytes = 0, 0
	if got != counts || w.q.Floor() != floor || w.q.Due() != due {
		t.Fatalf("counts %+v, floor %d, due %d; want %+v, %d, %d", got, w.q.Floor(), w.q.Due(), counts, floor, due)
	}
	equal := func(a, b order.Entry) bool {
		return a.ID == b.ID && a.Seq == b.Seq && a.Size == b.Size && (a.Claim == nil) == (b.Claim == nil) && (a.Claim == nil || *a.Claim == *b.Claim)
	}
	if all := w.q.Entries(nil, -1, math.MaxInt); !slices.EqualFunc(all, want, equal) {
		t.Fatalf("the ordering is %+v, want %+v", all, want)
	}
	// Any page of it.
	after, limit := int64(w.draw(int(w.offset)+1)), w.draw(20)
	page := slices.DeleteFunc(slices.Clone(want), func(e order.Entry) bool { return e.Seq <= after })
	if got := w.q.Entries(nil, after, limit); !slices.EqualFunc(got, page[:min(limit, len(page))], equal) {
		t.Fatalf("%d entries after %d are %+v, want %+v", limit, after, got, page)
	}
	if last, next := w.q.Last(); w.m.sequence && !w.m.over && (last != w.m.last() || next != w.m.next()) {
		t.Fatalf("the last is %v, and the next %d; want %v and %d", last, next, w.m.last(), w.m.next())
	}
	state := w.q.Snapshot(nil)
	for i, o := range w.others {
		if !bytes.Equal(o.q.Snapshot(nil), state) {
			t.Fatalf("the queue that was restored as number %d has another state", i)
		}
	}
}

// restore adds a queue that is restored from the state now.
func (w *world) restore(t interface{ Fatalf(string, ...any) }) {
	q := order.New()
	if err := q.Restore(w.q.Snapshot(nil)); err != nil {
		t.Fatalf("restored: %v", err)
	}
	w.others = append(w.others, &log{q: q, offset: w.offset, now: w.now})
}

var kinds = []events.QueueIDs{events.QueueIDs_QUEUE_IDS_ANY, events.QueueIDs_QUEUE_IDS_UUIDV7, events.QueueIDs_QUEUE_IDS_SPACE, events.QueueIDs_QUEUE_IDS_SEQUENCE}

// The queue decides as the model does, and a snapshot and what follows give the state that
// all gives.
func TestTheQueueIsTheModel(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			accepted, refused := map[events.Type]int{}, map[events.Type]int{}
			refused[events.TypeLogTimePassed]++ // It is the fold that refuses it.
			if kind != events.QueueIDs_QUEUE_IDS_SEQUENCE {
				accepted[events.TypeQueueTrimmed]++ // They have nothing to trim.
			}
			eventstest.Covered(t, "spanway.queue.", func() {
				rapid.Check(t, func(rt *rapid.T) {
					w := newWorld(t, kind, 30, func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "n") })
					for range rapid.IntRange(1, 100).Draw(rt, "steps") {
						w.step(rt)
						if w.draw(20) == 0 {
							w.restore(rt)
						}
					}
					w.check(rt)
					for typ, n := range w.accepted {
						accepted[typ] += n
					}
					for typ, n := range w.refused {
						refused[typ] += n
					}
				})
			}, accepted, refused)
		})
	}
}

// The same with so many entries that blocks, buckets and rows are cut and joined.
func TestTheQueueIsTheModelWhenItIsLarge(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(kind)))
			w := newWorld(t, kind, 4000, r.IntN)
			rounds := 4
			if testing.Short() {
				rounds = 2
			}
			for range rounds {
				for range 3000 { // It grows …
					call := &events.QueueEnqueued{Id: w.id()}
					w.m.decide(call, w.offset, w.now)
					for _, o := range w.others {
						o.call(call)
					}
					w.call(call)
				}
				w.ids += 4000
				w.restore(t)
				for range 3000 { // … and loses entries here and there.
					call := &events.QueueRemoved{Id: w.held()}
					w.m.decide(call, w.offset, w.now)
					for _, o := range w.others {
						o.call(call)
					}
					w.call(call)
				}
				for range 500 {
					w.step(t)
				}
				w.check(t)
			}
		})
	}
}
