package spaces

import (
	"encoding/binary"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

const topic = "spanway.ids.events"

// log is a partition, and the allocators that write it. They answer from their fold.
type log struct {
	tb      testing.TB
	core    *idspace.Core
	fold    *sharedlog.Fold
	records []events.Record
	next    int64 // calls
	verdict sharedlog.Verdict
	refused map[string]int64 // by the core, by code
	// careless: the build is one whose fold takes overlapping ranges for granted.
	careless bool
}

func newLog(tb testing.TB) *log {
	l := &log{tb: tb, core: idspace.New(), refused: map[string]int64{}}
	l.fold = sharedlog.NewFold(l.core, sharedlog.Horizon)
	l.fold.Decided = func(c *sharedlog.Call, v sharedlog.Verdict) {
		l.verdict = v
		if c != nil && events.TypeOf(c.Message) != events.TypeIdsAnswered && events.TypeOf(c.Message) != events.TypeIdsRangesAnswered && !v.Accepted() {
			l.refused[string(v.Code)]++
		}
	}
	return l
}

// made is the record of a new call.
func (l *log) made(m proto.Message) events.Record {
	l.tb.Helper()
	id := sharedlog.CallID{}
	l.next++
	binary.BigEndian.PutUint64(id[:], uint64(l.next))
	r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, id, int64(len(l.records)), m)
	if err != nil {
		l.tb.Fatal(err)
	}
	return r
}

// land appends a record as it is, and folds it.
func (l *log) land(r events.Record, m proto.Message) {
	r.Offset = int64(len(l.records))
	l.records = append(l.records, r)
	call, _ := r.Header(events.HeaderCall)
	seen, _ := r.Header(events.HeaderSeen)
	if len(call) != 16 || len(seen) != 8 {
		return
	}
	l.fold.Apply(events.Logged{
		Offset: r.Offset, Type: events.TypeOfRecord(&r), Message: m,
		Call: &events.Called{ID: [16]byte(call), Seen: int64(binary.BigEndian.Uint64(seen))},
	})
}

// does makes calls, and answers those that grant.
func (l *log) does(messages ...proto.Message) {
	l.tb.Helper()
	for _, m := range messages {
		l.land(l.made(m), m)
		switch m := m.(type) {
		case *events.IdsRangeGranted:
			l.answers(m)
		case *events.IdsRangesGranted:
			l.answersAll(m)
		}
	}
}

// answers tells the requester what the fold says of a proposal.
func (l *log) answers(g *events.IdsRangeGranted) {
	l.tb.Helper()
	a := l.said(g)
	l.land(l.made(a), a)
}

// answersAll tells requesters what the fold says of proposals that stand together. Those
// that are refused are made again, each alone.
func (l *log) answersAll(m *events.IdsRangesGranted) {
	l.tb.Helper()
	all := &events.IdsRangesAnswered{Space: m.Space}
	accepted := l.verdict.Accepted()
	for _, g := range m.Grants {
		alone := proto.CloneOf(g)
		alone.Space = m.Space
		if !accepted && !l.careless {
			l.does(alone)
			continue
		}
		a := l.said(alone)
		if a.Granted != nil {
			a.Granted.Space, a.Granted.RequestId = "", ""
		}
		a.Space, a.Command = "", ""
		all.Answers = append(all.Answers, a)
	}
	if len(all.Answers) > 0 {
		l.land(l.made(all), all)
	}
}

func (l *log) said(g *events.IdsRangeGranted) *events.IdsAnswered {
	a := &events.IdsAnswered{Space: g.Space, RequestId: g.RequestId, Command: string(events.TypeIdsRangeRequested), Offset: l.verdict.Offset}
	switch code := l.verdict.Code; {
	case code == "" || code == events.CodeAlreadyGranted:
		held, _ := l.core.Space(g.Space).Grant(g.RequestId)
		a.Granted, a.Offset = held.Granted(), held.Offset
	case code == events.CodeRangeTaken && l.careless:
		a.Granted = g
	default:
		a.Code = string(code)
	}
	return a
}

// pass moves the time on.
func (l *log) pass(ms int64) {
	l.tb.Helper()
	now, _ := l.fold.Now()
	l.does(&events.LogTimePassed{FromMs: now, ToMs: now + ms})
}

// judged is what is found in the records from an offset on.
func (l *log) judged(from int) Report {
	p := NewPartition(topic, 3, chain.Options{})
	for i := range l.records[from:] {
		p.Feed(&l.records[from+i])
	}
	return p.Report()
}

// finds demands exactly the findings "OFFSET text", in order.
func finds(t *testing.T, r Report, want ...string) {
	t.Helper()
	ok := len(r.Findings) == len(want) && r.Violations == int64(len(want))
	for i := 0; ok && i < len(want); i++ {
		ok = r.Findings[i].Rule == "G9" && strings.Contains(r.Findings[i].Text, want[i])
	}
	if !ok {
		t.Errorf("findings differ: want %q, got:", want)
		for _, f := range r.Findings {
			t.Errorf("  %+v", f)
		}
	}
}

func declared(from, to int64) *events.IdsSpaceDeclared {
	return &events.IdsSpaceDeclared{Space: "s", From: from, To: to, QuarantineMs: 100, MaxCount: 5}
}

func granted(id string, from, to int64) *events.IdsRangeGranted {
	return &events.IdsRangeGranted{Space: "s", RequestId: id, Owner: "o", From: from, To: to}
}

func leased(id string, from, to, ms int64) *events.IdsRangeGranted {
	m := granted(id, from, to)
	m.LeaseMs = ms
	return m
}

// together is grants that stand in one record.
func together(all ...*events.IdsRangeGranted) *events.IdsRangesGranted {
	return &events.IdsRangesGranted{Space: "s", Grants: all}
}

func released(id string) *events.IdsRangeReleased {
	return &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: "o", Whole: true}
}
