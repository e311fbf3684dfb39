package idspace

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// chaos drives a core and the model of it at random.
type chaos struct {
	*world
	*model
	t     *rapid.T
	times []hold
	noted int64         // how much of the log is in times
	open  map[int64]int // the index in times of what an identifier has now
}

// hold is when an identifier was live or rested: from one offset to the next.
type hold struct{ id, from, to int64 }

// overlaps is the exact check: of what one identifier had, sorted, each ends before the
// next begins.
func overlaps(all []hold) string {
	slices.SortFunc(all, func(a, b hold) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.from, b.from)) })
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.id == b.id && b.from < a.to {
			return fmt.Sprintf("identifier %d is held from %d to %d, and granted at %d", a.id, a.from, a.to, b.from)
		}
	}
	return ""
}

func (c *chaos) step() {
	draw := func(name string, most int) int64 { return int64(rapid.IntRange(0, most).Draw(c.t, name)) }
	id := fmt.Sprintf("r%d", draw("request", 30))
	from := draw("from", 32)
	to := from + draw("more", 4) - 1
	owner := []string{"o", "o", "o", "x"}[draw("owner", 3)]
	switch draw("what", 16) {
	case 0, 1, 2:
		c.wants(&events.IdsRangeGranted{Space: "s", RequestId: id, Owner: owner, From: from, To: to, LeaseMs: 25 * draw("lease", 4)})
	case 3, 4:
		c.proposed(id, draw("count", 6), owner)
	case 5, 6:
		m := &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: owner, Whole: true, Force: draw("force", 5) == 0}
		c.agree(m, c.model.release(m))
	case 7, 8:
		m := &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: owner, From: from, To: to}
		c.agree(m, c.model.release(m))
	case 9:
		m := &events.IdsGrantRenewed{Space: "s", RequestId: id, Owner: owner, LeaseMs: 25 * draw("lease", 4)}
		c.agree(m, c.model.renew(m))
	case 10:
		c.answered(id, draw("false", 3) == 3)
	case 11, 12:
		ms := 1 + draw("ms", 60)
		c.world.pass(ms)
		c.model.pass(ms)
	case 13, 14:
		c.together(id, from, to, owner)
	case 15:
		c.answeredTogether(draw("false", 3) == 3)
	default:
		c.rule(draw("rule", 3), draw("quarantine", 3))
	}
	c.note()
	c.model.agrees(c.t, c.core)
}

func (c *chaos) wants(m *events.IdsRangeGranted) { c.agree(m, c.model.grant(m)) }

// together grants ranges that stand together.
func (c *chaos) together(id string, from, to int64, owner string) {
	m := &events.IdsRangesGranted{Space: "s"}
	for range rapid.IntRange(0, 4).Draw(c.t, "grants") {
		m.Grants = append(m.Grants, &events.IdsRangeGranted{RequestId: id, Owner: owner, From: from, To: to})
		from = to + int64(rapid.IntRange(0, 6).Draw(c.t, "gap"))
		to = from + int64(rapid.IntRange(-1, 2).Draw(c.t, "more"))
		id = fmt.Sprintf("r%d", rapid.IntRange(0, 30).Draw(c.t, "request"))
	}
	c.agree(m, c.model.grantAll(m))
}

// answeredTogether tells of all grants at once, of one falsely or of none.
func (c *chaos) answeredTogether(falsely bool) {
	m := &events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{{RequestId: "none", Code: string(events.CodeExhausted)}}}
	s := c.core.Space("s")
	for n := range 31 {
		if s == nil {
			break
		}
		if g, ok := s.Grant(fmt.Sprintf("r%d", n)); ok {
			said := g.Granted()
			said.Space, said.RequestId = "", ""
			m.Answers = append(m.Answers, &events.IdsAnswered{RequestId: g.RequestID, Granted: said})
		}
	}
	if falsely = falsely && len(m.Answers) > 1; falsely {
		m.Answers[len(m.Answers)-1].Granted.To++
	}
	c.agree(m, !falsely)
}

// proposed grants what the space proposes: always accepted, and never to be had shorter.
func (c *chaos) proposed(id string, count int64, owner string) {
	s := c.core.Space("s")
	if s == nil {
		return
	}
	from, to, code := s.Propose(count)
	room := s.Room()
	switch {
	case count == 0:
		if code != events.CodeBadCount {
			c.t.Fatalf("nothing is proposed with %q", code)
		}
	case code == events.CodeExhausted:
		if room.LargestFree >= count {
			c.t.Fatalf("%d identifiers are free in a row, and %d are not to be had", room.LargestFree, count)
		}
	case code != "":
		if count <= s.Rules().MaxCount {
			c.t.Fatalf("%d identifiers are refused with %q", count, code)
		}
	default:
		m := &events.IdsRangeGranted{Space: "s", RequestId: id, Owner: owner, From: from, To: to}
		fresh := c.model.grants[id] == nil
		if c.agree(m, c.model.grant(m)); fresh && c.verdict.Code != "" {
			c.t.Fatalf("a proposal is refused with %q", c.verdict.Code)
		}
	}
}

// answered tells a requester what the fold says, or something else.
func (c *chaos) answered(id string, falsely bool) {
	m := &events.IdsAnswered{Space: "s", RequestId: id, Code: string(events.CodeExhausted)}
	s := c.core.Space("s")
	if s == nil {
		c.agree(m, true)
		return
	}
	if g, ok := s.Grant(id); ok {
		m.Code, m.Granted = "", g.Granted()
	}
	if falsely {
		m.Code, m.Granted = "", &events.IdsRangeGranted{Space: "s", RequestId: id, From: 1, To: 99}
	}
	c.agree(m, !falsely)
}

func (c *chaos) rule(which, quarantine int64) {
	m := c.model
	switch which {
	case 0:
		d := &events.IdsSpaceDeclared{Space: "s", From: 3, To: 20, QuarantineMs: [...]int64{0, 1, 20, 60}[quarantine], MaxCount: 4}
		c.call(d)
		switch c.verdict.Code {
		case "":
			m.exists, m.from, m.to = true, 3, 20
			m.rules = proto.CloneOf(d)
		case events.CodeOutOfBounds, events.CodeRangeTaken:
		default:
			c.t.Fatalf("declaring is refused with %q", c.verdict.Code)
		}
	case 1:
		if c.call(&events.IdsSpaceGrown{Space: "s", To: 25}); c.verdict.Code == "" {
			m.to = 25
		}
	case 2:
		if c.call(&events.IdsSpaceDeclared{Space: "s", From: 1, To: 30, QuarantineMs: 40, MaxCount: 3}); c.verdict.Code == "" {
			m.exists, m.from, m.to, m.rules.QuarantineMs, m.rules.MaxCount = true, 1, 30, 40, 3
		}
	default:
		c.remove(quarantine == 0)
	}
}

// remove deletes the space. Once nothing of it rests, it is forgotten.
func (c *chaos) remove(force bool) {
	live := int64(0)
	for id := range c.model.grants {
		live += c.model.holds(id)
	}
	c.agree(deleted(force), c.exists && (live == 0 || force))
	if c.verdict.Code == "" {
		for id, a := range c.model.grants {
			c.model.free(id, a.m.From, a.m.To)
		}
		c.exists = false
	}
}

// note follows what each identifier has, by the model, and forgets a space that is gone.
func (c *chaos) note() {
	if c.core.spaces["s"] == nil {
		clear(c.model.ids)
		clear(c.model.grants)
	}
	end := int64(len(c.log))
	if end == c.noted {
		return
	}
	c.noted = end
	for id, at := range c.open {
		if p := c.model.ids[id]; p == nil || p.holder == "" && p.until == 0 {
			c.times[at].to = end - 1
			delete(c.open, id)
		}
	}
	m := c.log[end-1].Message
	var granted []*events.IdsRangeGranted
	switch m := m.(type) {
	case *events.IdsRangeGranted:
		granted = append(granted, m)
	case *events.IdsRangesGranted:
		granted = m.Grants
	}
	if c.verdict.Code != "" || c.verdict.Offset != end-1 {
		return
	}
	for _, g := range granted {
		for id := g.From; id <= g.To; id++ {
			c.times = append(c.times, hold{id, end - 1, math.MaxInt64})
			c.open[id] = len(c.times) - 1
		}
	}
}

func (c *chaos) agree(m proto.Message, want bool) {
	if code := c.call(m); (code == "") != want {
		c.t.Fatalf("%s {%v} at %d: the code is %q; accepted by the model: %v", events.TypeOf(m), m, len(c.log)-1, code, want)
	}
}

// TestProperties: whatever is asked, the state is what the rules say, identifier by
// identifier; nothing is held twice at once; all identifiers are counted; and a host that
// restores a snapshot anywhere goes on as one that folded all.
func TestProperties(t *testing.T) {
	t.Parallel()
	accepted, refused := map[events.Type]int{}, map[events.Type]int{}
	refused[events.TypeLogTimePassed]++ // It is the fold that refuses it.
	eventstest.Covered(t, "spanway.ids.", func() {
		rapid.Check(t, func(r *rapid.T) {
			c := &chaos{world: newWorld(t), model: newModel(), t: r, open: map[int64]int{}}
			c.rule(0, 2)
			restored := rapid.IntRange(0, 150).Draw(r, "restored at")
			for i := range rapid.IntRange(1, 150).Draw(r, "steps") {
				if i == restored {
					c.restore()
				}
				c.step()
			}
			if why := overlaps(c.times); why != "" {
				r.Fatal(why)
			}
			replayed := sharedlog.NewFold(New(), sharedlog.Horizon)
			replayed.Decided = func(call *sharedlog.Call, v sharedlog.Verdict) {
				if v.Accepted() {
					accepted[events.TypeOf(call.Message)]++
					return
				}
				refused[events.TypeOf(call.Message)]++
			}
			for _, l := range c.log {
				replayed.Apply(l)
			}
			if got, want := c.fold.Snapshot(nil), replayed.Snapshot(nil); string(got) != string(want) {
				r.Fatalf("snapshot plus tail is\n%x\nthe whole log\n%x", got, want)
			}
			if c.fold.Due() != replayed.Due() {
				r.Fatalf("due at %d; by the whole log at %d", c.fold.Due(), replayed.Due())
			}
		})
	}, accepted, refused)
}

// restore goes on from a snapshot.
func (c *chaos) restore() {
	state := c.fold.Snapshot(nil)
	log := c.log
	c.world = newWorld(c.tb)
	if err := c.fold.Restore(state); err != nil {
		c.t.Fatalf("restore: %v", err)
	}
	if again := c.fold.Snapshot(nil); string(again) != string(state) {
		c.t.Fatalf("restored, the state is\n%x; it was\n%x", again, state)
	}
	c.log = log
}

// TestOverlapsAreFound: the check of TestProperties can fail.
func TestOverlapsAreFound(t *testing.T) {
	t.Parallel()
	if overlaps([]hold{{1, 0, 5}, {2, 3, 9}, {1, 5, 7}}) != "" {
		t.Error("what ends and what begins overlap")
	}
	if overlaps([]hold{{1, 4, 7}, {2, 3, 9}, {1, 0, 5}}) == "" {
		t.Error("an overlap is not found")
	}
}
