package order_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/pkg/queue/order"
)

// pair is one log, folded by a Fold that holds all, and by one whose state stands in a file.
type pair struct {
	t      rapid.TB
	draw   func(n int) int
	kind   events.QueueIDs
	ids    int
	dir    string
	window int

	whole  *sharedlog.Fold
	parts  *order.Parts
	file   *sharedlog.FileFold
	offset int64
	calls  int
	codes  map[events.Code]int // of what was decided
	copies int
	types  map[events.Type]int // that were accepted
}

// smallHorizon lets calls be forgotten, and records be late.
const smallHorizon = 40

func newPair(t rapid.TB, kind events.QueueIDs, dir string, draw func(n int) int) *pair {
	p := &pair{t: t, draw: draw, kind: kind, ids: 12 + draw(30), dir: dir, codes: map[events.Code]int{}, types: map[events.Type]int{}}
	p.window = 1 + draw(20)*2500
	p.whole = sharedlog.NewFold(order.New(), smallHorizon)
	p.begin()
	return p
}

// begin begins the fold in a file at the state of the other one.
func (p *pair) begin() {
	if p.file != nil {
		p.file.Close()
	}
	p.parts = &order.Parts{}
	p.file = sharedlog.NewFileFold(p.parts, p.dir, smallHorizon, p.window)
	if err := p.file.RestoreFrom(bytes.NewReader(p.whole.Snapshot(nil))); err != nil {
		p.t.Fatalf("restored at %d: %v", p.offset, err)
	}
	p.whole.Decided = func(c *sharedlog.Call, v sharedlog.Verdict) {
		p.codes[v.Code]++
		if v.Accepted() {
			p.types[c.Type]++
		}
	}
	p.whole.Repeated = func(*sharedlog.Call, sharedlog.Verdict) { p.copies++ }
}

func (p *pair) core() *order.Queue { return p.whole.Core().(*order.Queue) }

func (p *pair) id() string {
	n := p.draw(p.ids)
	switch {
	case p.draw(40) == 0:
		return []string{"", "no number", string(make([]byte, 300))}[p.draw(3)]
	case p.kind == events.QueueIDs_QUEUE_IDS_UUIDV7: // Some are days older than others.
		return fmt.Sprintf("01893%03x-%04x-7000-8000-%012x", n%5*0x300, n%7, n)
	case p.kind == events.QueueIDs_QUEUE_IDS_SPACE:
		return strconv.Itoa(n)
	case p.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE:
		last, next := p.core().Last()
		if n > 2 { // Else a number that was used, or one behind a gap.
			return order.Sequence{Term: max(1, last.Term) + uint64(p.draw(9)/8), Number: max(1, next)}.String()
		}
		return order.Sequence{Term: uint64(max(1, int64(last.Term)-int64(p.draw(2)))), Number: uint64(max(1, int64(next)+2-int64(p.draw(p.ids))))}.String()
	}
	return "entry " + strconv.Itoa(n)
}

func (p *pair) message() proto.Message {
	id, token := p.id(), int64(p.draw(int(p.offset)+1))
	if all := p.core().Entries(nil, -1, math.MaxInt); len(all) > 0 && p.draw(4) > 0 { // One that is there.
		e := all[p.draw(len(all))]
		if id = e.ID; e.Claim != nil {
			token = e.Claim.Token
		}
	}
	switch p.draw(14) {
	case 0:
		return &events.QueueRemoved{Id: id}
	case 1, 2:
		return &events.QueueClaimed{Count: int32(p.draw(5)), LeaseMs: int64(1 + p.draw(5000)), Holder: "h" + strconv.Itoa(p.draw(3))}
	case 3:
		return &events.QueueClaimed{Ids: []string{id, p.id()}[:1+p.draw(2)], LeaseMs: int64(p.draw(5000)), Holder: "by name"}
	case 4:
		return &events.QueueClaimExtended{Id: id, Token: token, LeaseMs: int64(1 + p.draw(5000))}
	case 5:
		return &events.QueueDone{Id: id, Token: token}
	case 6:
		return &events.QueueReleased{Id: id, Token: token}
	case 7:
		now, _ := p.whole.Now()
		return &events.LogTimePassed{FromMs: now + int64(p.draw(8)/7), ToMs: now + int64(p.draw(3000))}
	case 8:
		return p.rare()
	default:
		return &events.QueueEnqueued{Id: p.id(), Payload: make([]byte, p.draw(60))}
	}
}

// rare is what a log seldom holds.
func (p *pair) rare() proto.Message {
	switch p.draw(8) {
	case 6, 7:
		_, next := p.core().Last()
		return &events.QueueTrimmed{Through: int64(next) + 2 - int64(p.draw(p.ids))}
	case 0:
		return &events.QueueDeleted{Force: p.draw(6) == 0}
	case 1:
		return nil // It cannot be read.
	case 2:
		return &events.QueueClaimed{Count: []int32{-1, 1001, 1000}[p.draw(3)], LeaseMs: 1000, Holder: "many"}
	default:
		s := &events.QueueSettings{Ids: p.kind, MaxEntries: int64(p.draw(p.ids)), MaxBytes: int64(p.draw(1000)), MaxEntryBytes: 50}
		if p.kind == events.QueueIDs_QUEUE_IDS_SPACE {
			s.Space = "s"
		}
		return &events.QueueConfigured{Settings: s, Create: p.offset == 0 || p.draw(9) == 0}
	}
}

// step lets one record stand in the log.
func (p *pair) step() {
	p.offset += int64(p.draw(30) / 29) // One that is no call.
	m := p.message()
	if p.offset == 0 {
		for {
			if m = p.rare(); m != nil && events.TypeOf(m) == "spanway.queue.configured.v1" {
				break
			}
		}
	}
	seen := max(0, p.offset-int64(p.draw(smallHorizon+4))+1)
	call := events.Called{Seen: seen}
	p.calls++
	n := p.calls
	if p.draw(8) == 0 { // The ID of an earlier call.
		n = max(1, p.calls-p.draw(2*smallHorizon))
	}
	binary.BigEndian.PutUint64(call.ID[:], uint64(n))
	l := events.Logged{Offset: p.offset, Call: &call, Message: m}
	if m != nil {
		l.Type = events.TypeOf(m)
	}
	p.whole.Apply(l)
	other := call
	l.Call = &other
	p.file.Apply(l)
	other = events.Called{} // A reader uses it again.
	p.offset++
}

// check compares the two states, and the ordering.
func (p *pair) check() {
	if err := p.file.Settle(); err != nil {
		p.t.Fatalf("settled at %d: %v", p.offset, err)
	}
	want := p.core().Entries(nil, -1, math.MaxInt)
	var got []order.Entry
	after := int64(-1)
	if p.draw(2) == 0 {
		after = int64(p.draw(int(p.offset) + 1))
	}
	for e, err := range p.parts.Entries(p.file.Core(), after) {
		if err != nil {
			p.t.Fatalf("at %d: %v", p.offset, err)
		}
		got = append(got, e)
	}
	want = slices.DeleteFunc(want, func(e order.Entry) bool { return e.Seq <= after })
	equal := func(a, b order.Entry) bool {
		return a.ID == b.ID && a.Seq == b.Seq && a.Size == b.Size && (a.Claim == nil) == (b.Claim == nil) && (a.Claim == nil || *a.Claim == *b.Claim)
	}
	if !slices.EqualFunc(got, want, equal) {
		p.t.Fatalf("at %d the entries behind %d are %+v; of a host they are %+v", p.offset, after, got, want)
	}
	if p.parts.Exists() != p.core().Exists() || p.parts.Deleted() != p.core().Deleted() {
		t := p.core()
		p.t.Fatalf("at %d it exists: %v, is deleted: %v; at a host: %v, %v", p.offset, p.parts.Exists(), p.parts.Deleted(), t.Exists(), t.Deleted())
	}
	if !bytes.Equal(p.file.Snapshot(nil), p.whole.Snapshot(nil)) {
		p.t.Fatalf("at %d the state in the file is another", p.offset)
	}
}

// A state in a file is, byte for byte, that of a fold which holds all: whatever stands in the
// log, wherever it begins, and however many calls are folded at once.
func TestAStateInAFileIsTheSame(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			codes, types, copies := map[events.Type]int{}, map[events.Type]int{}, 0
			types["spanway.queue.deleted.v1"]++ // Seldom.
			if kind != events.QueueIDs_QUEUE_IDS_SEQUENCE {
				types[events.TypeQueueTrimmed]++ // They have nothing to trim.
			}
			round := func() {
				rapid.Check(t, func(rt *rapid.T) {
					p := newPair(rt, kind, t.TempDir(), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "n") })
					defer func() { p.file.Close() }()
					for range rapid.IntRange(1, 120).Draw(rt, "steps") {
						p.step()
						switch p.draw(30) {
						case 0:
							p.check()
						case 1:
							p.begin()
						}
					}
					p.check()
					for typ, n := range p.types {
						types[typ] += n
					}
					for code, n := range p.codes {
						codes[events.Type(code)] += n
					}
					copies += p.copies
				})
			}
			// One round may miss a decision by chance, many do not.
			missing := func() (all []events.Code) {
				return slices.DeleteFunc([]events.Code{"", events.CodeDuplicateEntry, events.CodeAlreadyRemoved, events.CodeQueueFull, events.CodeTooLate, events.CodeStaleClaim, events.CodeTimeMoved, events.CodeBadEntryID, events.CodeNothingToClaim},
					func(code events.Code) bool { return codes[events.Type(code)] > 0 })
			}
			eventstest.Covered(t, "spanway.queue.", round, types)
			for n := 0; n < 50 && !t.Failed() && (len(missing()) > 0 || copies == 0); n++ {
				round()
			}
			if never := missing(); len(never) > 0 || copies == 0 {
				t.Errorf("nothing was decided %q, and %d calls were repeated; the log is too simple", never, copies)
			}
		})
	}
}

// A state that is cut short is refused, and one that is altered anywhere stops nothing.
func TestAMalformedStateInAFile(t *testing.T) {
	for _, kind := range kinds {
		s := &events.QueueSettings{Ids: kind}
		id := func(n int) string { return "entry " + strconv.Itoa(n) }
		switch kind {
		case events.QueueIDs_QUEUE_IDS_SPACE:
			s.Space, id = "s", strconv.Itoa
		case events.QueueIDs_QUEUE_IDS_UUIDV7:
			id = func(n int) string { return fmt.Sprintf("01893000-0000-7000-8000-%012x", n) }
		case events.QueueIDs_QUEUE_IDS_SEQUENCE:
			id = func(n int) string { return order.Sequence{Term: 1, Number: uint64(n)}.String() }
		}
		fold := sharedlog.NewFold(order.New(), smallHorizon)
		for i, m := range []proto.Message{
			&events.QueueConfigured{Settings: s, Create: true}, &events.QueueEnqueued{Id: id(1)}, &events.QueueEnqueued{Id: id(2)},
			&events.QueueRemoved{Id: id(1)}, &events.QueueClaimed{Count: 1, LeaseMs: 1000, Holder: "h"},
		} {
			fold.Apply(events.Logged{Offset: int64(i), Type: events.TypeOf(m), Message: m, Call: &events.Called{ID: [16]byte{byte(i)}, Seen: int64(i)}})
		}
		state := fold.Snapshot(nil)
		restore := func(state []byte) error {
			f := sharedlog.NewFileFold(&order.Parts{}, t.TempDir(), smallHorizon, 1)
			defer f.Close()
			err := f.Restore(state)
			if err == nil {
				m := &events.QueueClaimed{Count: 1, LeaseMs: 1000}
				f.Apply(events.Logged{Offset: 100, Type: events.TypeOf(m), Message: m, Call: &events.Called{ID: [16]byte{99}, Seen: 100}})
				_ = f.Settle() // It may be refused only now.
			}
			return err
		}
		if err := restore(state); err != nil {
			t.Fatal(err)
		}
		short := sharedlog.NewFileFold(&order.Parts{}, t.TempDir(), smallHorizon, 1)
		defer short.Close()
		for i := range state {
			if short.Restore(state[:i]) == nil {
				t.Errorf("%s: of %d bytes %d are taken for a state", kind, len(state), i)
			}
			altered := slices.Clone(state)
			altered[i] ^= 0xff
			_ = restore(altered)
		}
		if restore(append(slices.Clone(state), 0)) == nil {
			t.Errorf("%s: what is left over is not told of", kind)
		}
	}
}
