package allocator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// asks writes requests that stand in one record.
func asks(t *testing.T, at *cluster.Cluster, key string, m *events.IdsRangesRequested) {
	t.Helper()
	r, err := events.Encoder{Source: "/test", JSON: true}.Encode("together", m)
	must(t, err)
	r.Key = []byte(key)
	_, err = at.Partition(topics.IDRequests(), events.RequestPartition(key)).Append(t.Context(), []events.Record{r})
	must(t, err)
}

func wants(id string, count int64) *events.IdsRangeRequested {
	return &events.IdsRangeRequested{RequestId: id, Count: proto.Int64(count)}
}

// answers waits until so many answers that stand together are in the log of a space, and
// says each as "ID from-to" or "ID code".
func answers(t *testing.T, at *cluster.Cluster, space string, n int) (said []string, log []events.Record) {
	t.Helper()
	until(t, fmt.Sprintf("%d answers", n), func() bool {
		said, log = nil, grantLog(t, at, events.SpacePartition(space))
		for i := range log {
			m, ok := message(&log[i]).(*events.IdsRangesAnswered)
			if !ok {
				continue
			}
			for a := range m.Each() {
				if a.Granted != nil {
					said = append(said, fmt.Sprintf("%s %d-%d", a.RequestId, a.Granted.From, a.Granted.To))
					continue
				}
				said = append(said, a.RequestId+" "+a.Code)
			}
		}
		return len(said) >= n
	})
	return said, log
}

// count is how many records of a type a log has.
func count(log []events.Record, typ events.Type) (n int) {
	for i := range log {
		if events.TypeOfRecord(&log[i]) == typ {
			n++
		}
	}
	return n
}

// Requests that stand in one record are granted by one and answered in one; each is a
// request of its own all the same. Made again they are answered with what they have.
func TestRequestsThatStandTogether(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 20, MaxCount: 9}))
	m := &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("a", 2), wants("none", 0), wants("b", 3), wants("c", 1)}}
	m.Ranges[2].Owner, m.Ranges[2].Space = "me", "another"
	asks(t, at, "a", m)
	said, log := answers(t, at, "s", 4)
	slices.Sort(said)
	if fmt.Sprint(said) != "[a 1-2 b 3-5 c 6-6 none BAD_COUNT]" {
		t.Errorf("the answers are %q", said)
	}
	if granted := count(log, events.TypeIdsRangesGranted); granted != 1 || count(log, events.TypeIdsRangeGranted)+count(log, events.TypeIdsAnswered) != 1 { // Of the declaration.
		t.Errorf("%d records grant them, of %d", granted, len(log))
	}
	m.Ranges[0].Count, m.Ranges[1] = proto.Int64(1), wants("d", 9)
	asks(t, at, "a", m)
	said, _ = answers(t, at, "s", 8)
	again := said[4:]
	slices.Sort(again)
	if fmt.Sprint(again) != "[a REQUEST_MISMATCH b 3-5 c 6-6 d 7-15]" {
		t.Errorf("again the answers are %q", again)
	}
	g, err := c.Grant(t.Context(), ids.Want{Space: "s", RequestID: "b", Count: 3, Owner: "me"})
	if err != nil || g.From != 3 {
		t.Errorf("asked alone it is %+v, %v", g, err)
	}
}

// Requests that stand together in a structured CloudEvent are answered together, too.
func TestStructuredRequestsThatStandTogether(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 20}))
	_, err := at.Partition(topics.IDRequests(), events.RequestPartition("a")).Append(t.Context(), []events.Record{{
		Key:     []byte("a"),
		Headers: []events.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}},
		Value: []byte(`{"specversion": "1.0", "id": "1", "source": "/test", "type": "spanway.ids.ranges_requested.v1",
			"data": {"space": "s", "ranges": [{"requestId": "a", "count": "2"}, {"requestId": "b"}]}}`),
	}})
	must(t, err)
	until(t, "both are answered", func() bool {
		log := grantLog(t, at, events.SpacePartition("s"))
		return count(log, events.TypeIdsRangesAnswered)+count(log, events.TypeIdsAnswered) > 1 // One is of the declaration.
	})
	if said, _ := answers(t, at, "s", 2); fmt.Sprint(said) != "[a 1-2 b 3-3]" {
		t.Errorf("the answers are %q", said)
	}
}

// Requests that stand together and have their grants are not called together: that is
// refused, and each is called alone then.
func TestRequestsThatStandTogetherAndHaveGrants(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 20}))
	m := &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("a", 2), wants("b", 3), wants("c", 1)}}
	asks(t, at, "a", m)
	answers(t, at, "s", 3)
	asks(t, at, "a", m)
	said, log := answers(t, at, "s", 6)
	if slices.Sort(said); fmt.Sprint(said) != "[a 1-2 a 1-2 b 3-5 b 3-5 c 6-6 c 6-6]" {
		t.Errorf("the answers are %q", said)
	}
	if together, alone := count(log, events.TypeIdsRangesGranted), count(log, events.TypeIdsRangeGranted); together != 1 || alone != 3 {
		t.Errorf("%d records grant together and %d alone; want 1 and 3", together, alone)
	}
}

// A record of requests that cannot be answered, one by one, is a dead letter as a whole.
func TestMalformedRequestsThatStandTogether(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 2000}))
	many := &events.IdsRangesRequested{Space: "s"}
	for n := range events.MaxTogether + 1 {
		many.Ranges = append(many.Ranges, wants(fmt.Sprint("m", n), 1))
	}
	bad := []*events.IdsRangesRequested{
		{Space: "s"}, many, {Space: "s", Ranges: []*events.IdsRangeRequested{wants("x", 1), wants("", 1)}},
		{Ranges: []*events.IdsRangeRequested{wants("x", 1)}}, {Space: "s", Ranges: []*events.IdsRangeRequested{wants("x", 1), wants("\x1b", 1)}},
	}
	for _, m := range bad {
		asks(t, at, "a", m)
	}
	asks(t, at, "a", &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("a", 1), wants("b", 1)}})
	if said, _ := answers(t, at, "s", 2); fmt.Sprint(said) != "[a 1-1 b 2-2]" {
		t.Errorf("the answers are %q", said)
	}
	_, end, err := at.Offsets(t.Context(), topics.DeadLetters(), 0)
	if err != nil || end != int64(len(bad)) {
		t.Errorf("there are %d dead letters, want %d; %v", end, len(bad), err)
	}
}

// forgetful is a store that proposes for a request what it is told to.
type forgetful struct {
	allocator.Store
	lies sync.Map // ranges, by request ID; each told once
}

func (f *forgetful) Propose(ctx context.Context, b store.Batch) ([]store.Proposal, error) {
	out, err := f.Store.Propose(ctx, b)
	for i := range out {
		if lie, ok := f.lies.LoadAndDelete(b.Wants[i].RequestID); ok {
			out[i].Range = lie.(store.Range)
		}
	}
	return out, err
}

// Where one of the grants that stand together is refused none of them is granted: each is
// called alone then, and only the one that was refused is proposed anew.
func TestOneOfTheGrantsThatStandTogetherIsRefused(t *testing.T) {
	f := &forgetful{Store: store.NewMemory()}
	at, c := system(t, nil, f)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 90}))
	asks(t, at, "a", &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("a", 2), wants("b", 2)}})
	answers(t, at, "s", 2)
	f.lies.Store("d", store.Range{From: 2, To: 3})
	asks(t, at, "a", &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("c", 2), wants("d", 2), wants("e", 2)}})
	said, log := answers(t, at, "s", 5)
	ranges := said[2:]
	slices.Sort(ranges)
	if fmt.Sprint(ranges) != "[c 5-6 d 7-8 e 9-10]" && fmt.Sprint(ranges) != "[c 5-6 d 11-12 e 9-10]" {
		t.Errorf("the answers are %q", ranges)
	}
	if together, alone := count(log, events.TypeIdsRangesGranted), count(log, events.TypeIdsRangeGranted); together != 2 || alone != 4 {
		t.Errorf("%d records grant together and %d alone; want 2 and 4: c, d and e, and d again", together, alone)
	}
}

// Two requests of one ID that come at the same time have one grant.
func TestOneRequestTwiceInOneRecord(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 90}))
	asks(t, at, "a", &events.IdsRangesRequested{Space: "s", Ranges: []*events.IdsRangeRequested{wants("a", 2), wants("b", 1), wants("a", 2), wants("b", 2)}})
	said, _ := answers(t, at, "s", 4)
	slices.Sort(said)
	if fmt.Sprint(said) != "[a 1-2 a 1-2 b 3-3 b REQUEST_MISMATCH]" {
		t.Errorf("the answers are %q", said)
	}
}

// Callers of one client that ask at the same time ask together: their requests, grants and
// answers are fewer records than they are. What they are told is theirs.
func TestCallersAskTogether(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 1 << 30}))
	const callers, each = 32, 8
	var all sync.WaitGroup
	var failed atomic.Int64
	for n := range callers {
		all.Go(func() {
			for i := range each {
				owner := fmt.Sprintf("o%d", n)
				g, err := c.Grant(t.Context(), ids.Want{Space: "s", Count: int64(1 + n%3), Owner: owner})
				if err != nil || g.Owner != owner || g.Space != "s" || g.To-g.From != int64(n%3) || g.Event.RequestId != g.RequestID || g.Event.Space != "s" {
					t.Errorf("caller %d was told %+v the %dth time: %v", n, g, i, err)
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	log := grantLog(t, at, events.SpacePartition("s"))
	if most := callers * each; failed.Load() == 0 && len(log) > most {
		t.Errorf("%d grants are %d records: they stand alone", most, len(log))
	}
	owner := fmt.Sprint(slices.Repeat([]string{"x"}, 300))
	_, err := c.Grant(t.Context(), ids.Want{Space: "s", Owner: owner})
	refused(t, err, events.CodeBadData)
}

// sampled is a context in a trace.
func sampled(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
}

// A request in a trace stands alone, and so does its answer: each tells its own trace.
func TestWhatIsTracedStandsAlone(t *testing.T) {
	at, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "s", From: 1, To: 1 << 30}))
	ctx, cancel := context.WithTimeout(sampled(t.Context()), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := c.Grant(ctx, ids.Want{Space: "s"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	log := grantLog(t, at, events.SpacePartition("s"))
	traced := 0
	for i := range log {
		if h, ok := log[i].Header(events.HeaderTraceparent); ok && len(h) > 0 && events.TypeOfRecord(&log[i]) == events.TypeIdsAnswered {
			traced++
		}
	}
	if traced != 8 {
		t.Errorf("%d answers are in a trace", traced)
	}
}
