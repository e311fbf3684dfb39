package spaces

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// busy is a sound log in which all sorts of things happen, refusals and copies among them.
func busy(tb testing.TB) *log {
	l := newLog(tb)
	l.does(declared(1, 40), granted("a", 1, 3), leased("b", 4, 6, 50), granted("taken", 3, 4), granted("beyond", 39, 41))
	l.pass(1)
	l.does(granted("c", 7, 9), released("a"), granted("rests", 2, 2))
	l.land(l.records[2], granted("a", 1, 3)) // A copy.
	l.land(events.Record{Value: []byte("no call")}, nil)
	l.pass(60)
	l.pass(100)
	l.does(granted("d", 1, 2), granted("a", 10, 12), granted("c", 20, 20))
	l.does(&events.IdsGrantRenewed{Space: "s", RequestId: "c", Owner: "o", LeaseMs: 70})
	l.does(&events.IdsRangeReleased{Space: "s", RequestId: "c", Owner: "o", From: 8, To: 8}, &events.IdsSpaceGrown{Space: "s", To: 50})
	l.pass(3)
	l.pass(200)
	l.pass(100)
	l.does(granted("e", 8, 9))
	return l
}

func TestASoundLog(t *testing.T) {
	t.Parallel()
	l := busy(t)
	r := l.judged(0)
	finds(t, r)
	if r.Spaces != 1 || r.Grants != 5 || r.Answers != 10 || r.Skipped["copy"] != 1 || r.Skipped["no_call"] != 1 {
		t.Errorf("the counts are wrong: %+v", r)
	}
	want := map[string]int64{"RANGE_TAKEN": 2, "OUT_OF_BOUNDS": 1, "GRANT_ENDED": 1, "REQUEST_MISMATCH": 1}
	for code, n := range want {
		if r.Refused[code] != n {
			t.Errorf("%d are refused as %s; want %d: %v", r.Refused[code], code, n, r.Refused)
		}
	}
	for from := range l.records {
		finds(t, l.judged(from))
	}
}

// TestABuildWithoutTheRuleIsFound: an allocator whose fold takes what overlaps for granted,
// as if it trusted Redis, tells requesters what the log does not say.
func TestABuildWithoutTheRuleIsFound(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.careless = true
	l.does(declared(1, 20), granted("a", 1, 3), granted("b", 4, 6), granted("c", 3, 4), released("a"), granted("d", 2, 2))
	finds(t, l.judged(0),
		`[3, 4] of "s" as granted to "c": the record at 5 is refused with RANGE_TAKEN: it overlaps what is held since 1`,
		`[2, 2] of "s" as granted to "d": the record at 8 is refused with RANGE_TAKEN: it overlaps what rests since 7`)
	finds(t, l.judged(1), // Its beginning was deleted.
		`[3, 4] of "s" as granted to "c"; [1, 3] is granted to "a" since 1`)
}

// Grants that stand together are judged as one record, and what requesters were told of each
// as if it stood alone.
func TestGrantsAndAnswersThatStandTogether(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.does(declared(1, 20), together(granted("a", 1, 3), leased("b", 4, 6, 50)), together(granted("c", 6, 7), granted("d", 9, 9)), released("a"))
	l.pass(1)
	l.pass(200)
	l.does(together(granted("e", 1, 2), granted("f", 3, 3)))
	r := l.judged(0)
	finds(t, r)
	if r.Grants != 5 || r.Answers != 6 || r.Refused["RANGE_TAKEN"] != 2 {
		t.Errorf("the counts are wrong: %+v", r)
	}
	for from := range l.records {
		finds(t, l.judged(from))
	}
	answer := func(id string, from, to int64) *events.IdsAnswered {
		return &events.IdsAnswered{RequestId: id, Granted: &events.IdsRangeGranted{Owner: "o", From: from, To: to, Generation: 1}}
	}
	m := &events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{answer("d", 9, 9), answer("e", 1, 3), answer("c", 6, 7)}}
	l.land(l.made(m), m)
	finds(t, l.judged(0), "the log granted [1, 2]", `as granted to "c": the record at`)
	careless := newLog(t)
	careless.careless = true
	careless.does(declared(1, 20), granted("a", 1, 3), together(granted("b", 3, 4), granted("c", 5, 6)))
	finds(t, careless.judged(0),
		`[3, 4] of "s" as granted to "b": the record at 3 is refused with RANGE_TAKEN: it overlaps what is held since 1`,
		`[5, 6] of "s" as granted to "c": the record at 3 is refused with RANGE_TAKEN, because of another grant in it`)
	finds(t, careless.judged(1), `[3, 4] of "s" as granted to "b"; [1, 3] is granted to "a" since 1`)
}

// Behind grants that stood together and were refused, each stands alone: in a log whose
// beginning was deleted those count, too, and what overlaps them is found.
func TestAGrantBehindOneThatWasRefusedTogether(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.does(declared(1, 20), granted("a", 1, 3), together(granted("b", 3, 4), granted("c", 5, 6)))
	r := l.judged(1)
	if finds(t, r); r.Grants != 2 {
		t.Errorf("%d grants are counted; want those of a and of c", r.Grants)
	}
	l.does(released("c"), granted("c", 5, 6), granted("c", 7, 8))
	finds(t, l.judged(1))
	l.does(together(granted("d", 9, 9), granted("b", 3, 4)))
	l.careless = true
	l.does(granted("e", 9, 10))
	finds(t, l.judged(1), `[9, 10] of "s" as granted to "e"; [9, 9] is granted to "d" since`)
}

// TestCorruptionsAreFound: what an answer may say that the log does not, each in a sound log.
func TestCorruptionsAreFound(t *testing.T) {
	t.Parallel()
	answer := func(id string, from, to int64) *events.IdsAnswered {
		return &events.IdsAnswered{Space: "s", RequestId: id, Granted: granted(id, from, to)}
	}
	with := func(a *events.IdsAnswered, change func(*events.IdsAnswered)) *events.IdsAnswered {
		change(a)
		return a
	}
	for name, c := range map[string]struct {
		plant *events.IdsAnswered
		want  string
	}{
		"an overlap":           {answer("taken", 3, 4), "refused with RANGE_TAKEN: it overlaps what is held since"},
		"a reuse too early":    {answer("rests", 2, 2), "refused with RANGE_TAKEN: it overlaps what rests since"},
		"beyond the bounds":    {answer("beyond", 39, 41), "refused with OUT_OF_BOUNDS"},
		"what is not there":    {answer("never", 30, 31), "no record of the log grants it"},
		"another range":        {answer("c", 20, 20), "the log granted [7, 9]"},
		"another end":          {answer("c", 7, 10), "the log granted [7, 9]"},
		"another owner":        {with(answer("c", 7, 9), func(a *events.IdsAnswered) { a.Granted.Owner = "x" }), "has another owner"},
		"a lower generation":   {answer("d", 1, 2), "in generation 0: it was granted 1 times before"},
		"another request":      {with(answer("c", 7, 9), func(a *events.IdsAnswered) { a.Granted.RequestId = "b" }), `the answer to "c"`},
		"what comes later":     {with(answer("c", 7, 9), func(a *events.IdsAnswered) { a.Offset = 1 << 40 }), "comes after it"},
		"refused, yet granted": {&events.IdsAnswered{Space: "s", RequestId: "a", Code: "EXHAUSTED", Offset: 1}, "the log decided otherwise at 1"},
		"for another reason":   {&events.IdsAnswered{Space: "s", RequestId: "taken", Code: "OUT_OF_BOUNDS", Offset: 5}, `the log decided otherwise at 5: "RANGE_TAKEN"`},
		"ended elsewhere":      {&events.IdsAnswered{Space: "s", RequestId: "c", Code: "GRANT_ENDED", Ended: 1 << 30}, "tells that its grant ended at 1073741824; the log says 29"},
		"done, yet refused":    {&events.IdsAnswered{Space: "s", RequestId: "taken", Offset: 5}, "the log decided otherwise at 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := busy(t)
			l.land(l.made(c.plant), c.plant)
			finds(t, l.judged(0), c.want)
		})
	}
}

// TestAgreesWithTheCore: over random logs, the judge and the core agree on every call, and
// no two ranges that were granted overlap while the first is live or rests.
func TestAgreesWithTheCore(t *testing.T) {
	t.Parallel()
	seen := map[events.Type]int{}
	eventstest.Covered(t, "spanway.ids.", func() {
		rapid.Check(t, func(r *rapid.T) {
			l := newLog(t)
			l.does(declared(1, 30))
			draw := func(name string, most int) int64 { return int64(rapid.IntRange(0, most).Draw(r, name)) }
			for range draw("steps", 120) {
				id, from := fmt.Sprintf("r%d", draw("request", 25)), draw("from", 31)
				to := from + draw("more", 5) - 1
				switch draw("what", 11) {
				case 0, 1, 2, 3:
					l.does(leased(id, from, to, 20*draw("lease", 3)))
				case 4:
					l.does(released(id))
				case 5:
					l.does(&events.IdsRangeReleased{Space: "s", RequestId: id, Owner: "o", From: from, To: to})
				case 6:
					l.does(&events.IdsGrantRenewed{Space: "s", RequestId: id, Owner: "o", LeaseMs: 20 * draw("lease", 3)})
				case 7, 8:
					l.pass(1 + draw("ms", 70))
				case 9, 10:
					more := draw("more", 4)
					l.does(together(leased(id, from, to, 20*draw("lease", 3)), granted(fmt.Sprintf("r%d", draw("request", 25)), to+draw("gap", 3), to+more)))
				default:
					l.does([]proto.Message{
						&events.IdsSpaceDeleted{Space: "s", Force: draw("force", 1) == 1}, declared(1, 30), declared(0, 33),
						&events.IdsSpaceGrown{Space: "s", To: 31},
					}[draw("rule", 3)])
				}
			}
			report := l.judged(0)
			if !report.OK() {
				r.Fatalf("findings in a sound log: %+v", report.Findings)
			}
			agree(r, l)
			if partial := l.judged(int(draw("deleted", len(l.records)))); !partial.OK() {
				r.Fatalf("findings in a sound log whose beginning was deleted: %+v", partial.Findings)
			}
			for i := range l.records {
				seen[events.TypeOfRecord(&l.records[i])]++
			}
		})
	}, seen)
}

// agree compares what is taken in the end, by the judge and by the core.
func agree(r *rapid.T, l *log) {
	p := NewPartition(topic, 3, chain.Options{})
	for i := range l.records {
		p.Feed(&l.records[i])
	}
	if refused := p.Report().Refused; !maps.Equal(refused, l.refused) {
		r.Fatalf("refused by the judge: %v; by the core: %v", refused, l.refused)
	}
	w, _ := p.rules.rule.(*world)
	var got, want []string
	if s := w.space("s"); s != nil {
		for _, h := range s.taken {
			got = append(got, fmt.Sprint(h.from, h.to, h.of.id, h.resting))
		}
	}
	if s := l.core.Space("s"); s != nil {
		for p := range s.Ranges(0) {
			if p.Grant != nil {
				want = append(want, fmt.Sprint(p.From, p.To, p.Grant.RequestID, p.State.String() == "resting"))
			}
		}
	}
	if !slices.Equal(got, want) {
		r.Fatalf("taken by the judge: %v; by the core: %v", got, want)
	}
}

// TestAbsurdEvents: whatever a record says, the log is judged to its end.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	known := eventstest.Known{"space": "s", "request_id": "c", "owner": "o", "from": int64(7), "to": int64(7)}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event || !strings.HasPrefix(string(typ), "spanway.ids.") && typ != events.TypeLogTimePassed {
			continue
		}
		for name, m := range eventstest.Absurd(typ, known) {
			l := newLog(t)
			l.does(declared(1, 20), granted("c", 5, 9), granted("b", 1, 2), released("b"))
			r, err := events.Encoder{Source: "/test"}.Encode("x", m)
			if err != nil {
				continue // No writer can say it.
			}
			headers := l.made(released("b")).Headers
			for _, h := range headers {
				if h.Key == events.HeaderCall || h.Key == events.HeaderSeen {
					r.Headers = append(r.Headers, h)
				}
			}
			read, _ := events.Message(&r)
			l.land(r, read)
			l.does(granted("d", 15, 16))
			if got := l.judged(0); got.Records != int64(len(l.records)) {
				t.Errorf("%s with %s: %d of %d records were judged", typ, name, got.Records, len(l.records))
			}
			for from := range l.records {
				l.judged(from)
			}
		}
	}
}
