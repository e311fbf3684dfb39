package idspace

import (
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// together is grants that stand in one record, which says their space.
func together(all ...*events.IdsRangeGranted) *events.IdsRangesGranted {
	for _, g := range all {
		g.Space = ""
	}
	return &events.IdsRangesGranted{Space: "s", Grants: all}
}

// Grants that stand together are what they would be alone, but all of them or none.
func TestGrantsThatStandTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 30), granted("a", 5, 6), granted("gone", 1, 1), released("gone"))
	w.is("1-1gone~1 2-40 5-6a!1")
	for want, m := range map[events.Code]proto.Message{
		events.CodeRangeTaken:      together(granted("b", 2, 3), granted("c", 6, 7)),
		events.CodeAlreadyGranted:  together(granted("b", 2, 3), granted("a", 8, 9)),
		events.CodeRequestMismatch: together(granted("b", 2, 3), granted("a", 8, 8)),
		events.CodeGrantEnded:      together(granted("b", 2, 3), granted("gone", 8, 8)),
		events.CodeOutOfBounds:     together(granted("b", 2, 3), granted("c", 30, 31)),
		events.CodeBadCount:        together(granted("b", 2, 3), granted("c", 10, 15)),
		events.CodeUnknownSpace:    &events.IdsRangesGranted{Space: "other", Grants: together(granted("b", 2, 3)).Grants},
	} {
		if code := w.call(m); code != want {
			t.Errorf("{%v} is refused with %q, want %s", m, code, want)
		}
	}
	w.is("1-1gone~1 2-40 5-6a!1")
	w.must(together(granted("b", 2, 2), granted("c", 3, 3), leased("d", 9, 10, 100), granted("e", 11, 12)))
	at := w.verdict.Offset
	w.is("1-1gone~1 2-2b!1 3-3c!1 4-40 5-6a!1 7-80 9-:d!1 ;-<e!1")
	for _, id := range []string{"b", "c", "d", "e"} {
		if g, ok := w.core.Space("s").Grant(id); !ok || g.Offset != at || g.Owner != "o" {
			t.Errorf("the grant of %s is %+v", id, g)
		}
	}
	w.pass(1)
	w.pass(100)
	w.is("1-11 2-2b!1 3-3c!1 4-40 5-6a!1 7-80 9-:d~1 ;-<e!1")
}

func TestMalformedGrantsThatStandTogether(t *testing.T) {
	t.Parallel()
	many := func(n int) *events.IdsRangesGranted {
		m := &events.IdsRangesGranted{Space: "s"}
		for i := range int64(n) {
			m.Grants = append(m.Grants, granted("m"+strconv.FormatInt(i, 10), 100+i, 100+i))
		}
		return m
	}
	w := newWorld(t)
	w.must(declared(1, 9999))
	for name, m := range map[string]*events.IdsRangesGranted{
		"none":              together(),
		"too many":          many(events.MaxTogether + 1),
		"a nil one":         {Space: "s", Grants: []*events.IdsRangeGranted{nil}},
		"overlapping":       together(granted("a", 1, 2), granted("b", 2, 3)),
		"not in order":      together(granted("a", 3, 4), granted("b", 1, 2)),
		"one request ID":    together(granted("a", 1, 2), granted("a", 3, 4)),
		"backwards":         together(granted("a", 4, 3)),
		"negative":          together(granted("a", -1, 3)),
		"no request ID":     together(granted("a", 1, 2), granted("", 3, 4)),
		"a negative lease":  together(granted("a", 1, 2), leased("b", 3, 4, -1)),
		"an owner too long": together(&events.IdsRangeGranted{RequestId: "a", Owner: string(slices.Repeat([]byte("x"), 300)), From: 1, To: 2}),
	} {
		if code := w.call(m); code != events.CodeBadData {
			t.Errorf("%s: the code is %q", name, code)
		}
	}
	if open, _ := w.core.Space("s").Grants(); open > 0 {
		t.Errorf("%d grants are accepted", open)
	}
	w.must(many(events.MaxTogether))
}

// An answer that stands beside others is judged as one alone.
func TestAnswersThatStandTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 9), together(granted("a", 1, 2), granted("b", 3, 4)))
	answer := func(id string, from, to int64) *events.IdsAnswered {
		return &events.IdsAnswered{RequestId: id, Granted: &events.IdsRangeGranted{Owner: "o", From: from, To: to}}
	}
	w.must(&events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{answer("a", 1, 2), {RequestId: "x", Code: "EXHAUSTED"}, answer("b", 3, 4)}})
	for name, m := range map[string]*events.IdsAnswered{
		"another range": answer("b", 3, 5), "no grant": answer("c", 5, 5), "another's": answer("a", 3, 4),
	} {
		if code := w.call(&events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{answer("a", 1, 2), m}}); code != events.CodeFalseAnswer {
			t.Errorf("%s: the code is %q", name, code)
		}
	}
	w.must(&events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{nil}})
	w.is("1-2a!1 3-4b!1")
}
