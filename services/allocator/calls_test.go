package allocator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// aGranter is one of the space "spi". Whatever waits there is not served.
func aGranter(t *testing.T, h *sharedlog.Host) (*granter, *space) {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := steady.New(steady.Read()).Now
	g := &granter{host: h, answers: newAnswers(h, now, m), now: now, patience: time.Hour, metrics: m, ctx: t.Context(), spaces: map[string]*space{}}
	s := &space{name: "spi", serving: true}
	g.spaces["spi"] = s
	return g, s
}

func aGrant(t *testing.T, g *granter, id, owner string) *request {
	t.Helper()
	r := aRequest(t, id)
	r.grant, r.count, r.began = &events.IdsRangeGranted{Space: "spi", RequestId: id, Owner: owner}, 1, g.now()
	return r
}

// The names of grants that stand together may be as long as they can be, and made of what
// JSON escapes: each record has room for its grants, and for their answers.
func TestGrantsOfLongNamesStandTogether(t *testing.T) {
	log := memlog.New()
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test", JSON: true},
		NewCore: func() sharedlog.Core { return idspace.New() },
	})
	ctx, stop := context.WithCancel(t.Context())
	hosted, answered := make(chan error, 1), make(chan struct{})
	go func() { hosted <- h.Run(ctx) }()
	g, s := aGranter(t, h)
	go func() { defer close(answered); g.answers.run(ctx) }()
	unfollow, err := g.answers.follow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := h.Call(ctx, &events.IdsSpaceDeclared{Space: "spi", From: 1, To: maxBatch, MaxCount: 1}, nil); err != nil || !v.Accepted() {
		t.Fatalf("declare the space: %v, %v", v, err)
	}
	quotes := strings.Repeat(`"`, events.MaxIDBytes)
	var all []proposal
	for i := range int64(maxBatch) {
		r := aGrant(t, g, fmt.Sprintf("%03d%s", i, quotes[3:]), quotes)
		r.among = true
		all = append(all, proposal{r, store.Range{From: 1 + i, To: 1 + i}})
	}
	g.call(s, all)
	for i, p := range all {
		if err := <-p.told; err != nil {
			t.Fatalf("request %d is told %.300v", i, err)
		}
	}
	unfollow()
	stop()
	if err := <-hosted; err != nil {
		t.Error(err)
	}
	<-answered
}

// A verdict may be known to a fold that is of later: of a grant that has ended since, or whose
// space was deleted, nobody is told that it is granted. It is decided anew.
func TestGrantsThatEndedBeforeTheirVerdictWasTold(t *testing.T) {
	granted := &events.IdsRangeGranted{Space: "spi", RequestId: "a", From: 1, To: 2}
	declared := &events.IdsSpaceDeclared{Space: "spi", From: 1, To: 9, MaxCount: 9}
	released := &events.IdsRangeReleased{Space: "spi", RequestId: "a", Whole: true}
	deleted := &events.IdsSpaceDeleted{Space: "spi", Force: true}
	for name, since := range map[string][]sharedlog.Call{
		"released":         {{Message: released}},
		"deleted":          {{Message: deleted}},
		"and made again":   {{Message: deleted}, {Message: declared}},
		"nothing happened": nil,
	} {
		core := idspace.New()
		for at, c := range append([]sharedlog.Call{{Message: declared}, {Message: granted}}, since...) {
			if c.Offset = int64(at); core.Decide(&c) != "" {
				t.Fatalf("%s: %v is refused", name, c.Message)
			}
		}
		for _, code := range []events.Code{"", events.CodeAlreadyGranted} {
			g, s := aGranter(t, nil)
			r := aGrant(t, g, "a", "")
			r.grant.Space = "" // It stood with others.
			v := sharedlog.Verdict{Code: code, Offset: 1}
			g.decided(s, r, core, v, nil)
			reserve := r.command
			reserve.call = granted
			out := (&partition{granter: g}).told(core, reserve, v)
			if len(since) == 0 {
				if told := g.answers.take(); len(told) != 1 || told[0].out.granted.GetTo() != 2 || out.granted.GetTo() != 2 || out.err != nil {
					t.Errorf("it is told as %+v, and reserved as %+v", told, out)
				}
				continue
			}
			if told := g.answers.take(); len(told) > 0 || len(s.waiting) != 1 || out.err == nil || out.granted != nil {
				t.Errorf("%s: it is told as %+v, %d wait; reserved it is told as %+v", name, told, len(s.waiting), out)
			}
		}
	}
}
