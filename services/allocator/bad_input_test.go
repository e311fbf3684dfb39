package allocator_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// bad is a system with a space of which "a" holds 1 to 10 and "gone" held 11 to 12.
type bad struct {
	*ids.Client
	at   *cluster.Cluster
	held ids.Grant
}

func newBad(t *testing.T) *bad {
	t.Helper()
	at, c := system(t, nil, store.NewMemory())
	return badOf(t, at, c)
}

func badOf(t *testing.T, at *cluster.Cluster, c *ids.Client) *bad {
	t.Helper()
	ctx := t.Context()
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 100, MaxCount: 50, Quarantine: time.Hour}))
	held, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "me"})
	must(t, err)
	gone, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 2, RequestID: "gone", Owner: "me"})
	must(t, err)
	must(t, c.Release(ctx, gone))
	return &bad{c, at, held}
}

// has is what the log says of the space: how much is free, live and resting.
func (b *bad) has(t *testing.T) [3]int64 {
	t.Helper()
	q := query.New(query.Config{Logs: b.at, Prefix: events.DefaultPrefix, Encoder: events.Encoder{Source: "/test"}, Board: b.at.Kafka().Board()})
	s, err := q.Space(t.Context(), "spi")
	must(t, err)
	return [3]int64{s.Free, s.Live, s.Quarantined}
}

func (b *bad) renews(g ids.Grant) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := b.Renew(ctx, g, time.Hour)
		return err
	}
}

func (b *bad) grants(w ids.Want) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := b.Grant(ctx, w)
		return err
	}
}

func (b *bad) reserves(w ids.Want, from, to int64) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := b.Reserve(ctx, w, from, to)
		return err
	}
}

func (b *bad) releases(g ids.Grant) func(context.Context) error {
	return func(ctx context.Context) error { return b.Release(ctx, g) }
}

func (b *bad) part(from, to int64) func(context.Context) error {
	return func(ctx context.Context) error { return b.ReleasePart(ctx, b.held, from, to) }
}

func (b *bad) creates(r ids.Rules) func(context.Context) error {
	return func(ctx context.Context) error { return b.Create(ctx, r) }
}

// Each bad request is refused with its code and a text that says what is wrong; nothing is
// granted or released by it, and the log goes on: the next good request has its answer.
func TestBadInput(t *testing.T) {
	b := newBad(t)
	long, control := strings.Repeat("x", 10<<10), "a\x1b[2J\n"
	of := func(space, id, owner string) ids.Grant { return ids.Grant{Space: space, RequestID: id, Owner: owner} }
	before := b.has(t)
	for _, r := range []struct {
		name string
		do   func(context.Context) error
		code events.Code
		says string
	}{
		{"an unknown space", b.grants(ids.Want{Space: "nothing"}), events.CodeUnknownSpace, `no space "nothing"`},
		{"reserve of an unknown space", b.reserves(ids.Want{Space: "nothing"}, 1, 2), events.CodeUnknownSpace, `no space "nothing"`},
		{"release of an unknown space", b.releases(of("nothing", "a", "me")), events.CodeUnknownSpace, "create it"},
		{"grow an unknown space", func(ctx context.Context) error { return b.Grow(ctx, "nothing", 9) }, events.CodeUnknownSpace, "create it"},
		{"delete an unknown space", func(ctx context.Context) error { return b.Delete(ctx, "nothing", true) }, events.CodeUnknownSpace, "create it"},
		{"a space without a name", b.grants(ids.Want{}), events.CodeBadData, "the space"},
		{"a space of control characters", b.grants(ids.Want{Space: control}), events.CodeBadData, "the space"},
		{"a space of 10 KB", b.grants(ids.Want{Space: long}), events.CodeBadData, "the space"},

		{"fewer than none", b.grants(ids.Want{Space: "spi", Count: -1}), events.CodeBadCount, "1 to 50"},
		{"the smallest number", b.grants(ids.Want{Space: "spi", Count: math.MinInt64}), events.CodeBadCount, "1 to 50"},
		{"beyond the limit", b.grants(ids.Want{Space: "spi", Count: 51}), events.CodeBadCount, "1 to 50"},
		{"the largest number", b.grants(ids.Want{Space: "spi", Count: math.MaxInt64}), events.CodeBadCount, "1 to 50"},
		{"reserve beyond the limit", b.reserves(ids.Want{Space: "spi"}, 40, 95), events.CodeBadCount, `56 identifiers: a grant of space "spi" has 1 to 50`},

		{"reserve beyond the space", b.reserves(ids.Want{Space: "spi"}, 100, 101), events.CodeOutOfBounds, `space "spi" has the identifiers 1 to 100`},
		{"reserve below the space", b.reserves(ids.Want{Space: "spi"}, 0, 0), events.CodeOutOfBounds, `space "spi" has the identifiers 1 to 100`},
		{"reserve backwards", b.reserves(ids.Want{Space: "spi"}, 30, 20), events.CodeBadData, "from 30 to 20"},
		{"reserve below 0", b.reserves(ids.Want{Space: "spi"}, -5, 20), events.CodeBadData, "from -5 to 20"},
		{"reserve all numbers", b.reserves(ids.Want{Space: "spi"}, math.MinInt64, math.MaxInt64), events.CodeBadData, "give 0 <= from"},
		{"reserve what is held", b.reserves(ids.Want{Space: "spi"}, 10, 20), events.CodeRangeTaken, `1-10 by owner "me" (request ID "a"), 11-12 rests`},

		{"a request ID with another count", b.grants(ids.Want{Space: "spi", Count: 9, RequestID: "a", Owner: "me"}), events.CodeRequestMismatch, `"a"`},
		{"a request ID with another owner", b.grants(ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "other"}), events.CodeRequestMismatch, `"a"`},
		{"a request ID with a lease", b.grants(ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "me", Lease: time.Hour}), events.CodeRequestMismatch, `"a"`},
		{"a request ID for given identifiers", b.reserves(ids.Want{Space: "spi", RequestID: "a", Owner: "me"}, 1, 10), events.CodeRequestMismatch, `"a"`},
		{"a request ID of control characters", b.grants(ids.Want{Space: "spi", RequestID: control}), events.CodeBadData, "the request ID"},
		{"a request ID of 10 KB", b.grants(ids.Want{Space: "spi", RequestID: long}), events.CodeBadData, "the request ID"},
		{"an owner of control characters", b.grants(ids.Want{Space: "spi", Owner: control}), events.CodeBadData, "the owner"},
		{"an owner of 10 KB", b.grants(ids.Want{Space: "spi", Owner: long}), events.CodeBadData, "the owner"},
		{"a lease that is too short", b.grants(ids.Want{Space: "spi", Lease: time.Nanosecond}), events.CodeBadData, "give 1ms to 2562047h"},
		{"a lease below 0", b.grants(ids.Want{Space: "spi", Lease: -time.Hour}), events.CodeBadData, "lease"},

		{"release by a foreign owner", b.releases(of("spi", "a", "other")), events.CodeNotOwner, `held by owner "me"`},
		{"release by nothing", b.releases(of("spi", "a", "")), events.CodeNotOwner, `held by owner "me"`},
		{"renew by a foreign owner", b.renews(of("spi", "a", "other")), events.CodeNotOwner, `held by owner "me"`},
		{"release what was never granted", b.releases(of("spi", "never", "me")), events.CodeUnknownGrant, `"never" has no grant`},
		{"release what is released", b.releases(of("spi", "gone", "me")), events.CodeGrantEnded, `"gone"`},
		{"renew what is released", b.renews(of("spi", "gone", "me")), events.CodeGrantEnded, `"gone"`},
		{"a grant that has ended", b.grants(ids.Want{Space: "spi", Count: 2, RequestID: "gone", Owner: "me"}), events.CodeGrantEnded, `"gone" had the identifiers 11 to 12 and ended at offset`},
		{"a grant that has ended, asked for otherwise", b.grants(ids.Want{Space: "spi", Count: 3, RequestID: "gone", Owner: "me"}), events.CodeRequestMismatch, `"gone"`},
		{"release without a request ID", b.releases(of("spi", "", "me")), events.CodeBadData, "the request ID"},
		{"release a part that is free", b.part(20, 30), events.CodeOutOfBounds, "the grant of request ID \"a\" has the identifiers 1 to 10"},
		{"release a part that is partly free", b.part(5, 30), events.CodeOutOfBounds, "has the identifiers 1 to 10"},
		{"release a part backwards", b.part(5, 4), events.CodeBadData, "from 5 to 4"},

		{"create it otherwise", b.creates(ids.Rules{Space: "spi", From: 1, To: 200}), events.CodeSpaceExists, "its last identifier is 100, not 200; a grant has at most 50, not 65536;"},
		{"a space with a slash", b.creates(ids.Rules{Space: "a/b", From: 1, To: 9}), events.CodeBadName, `"a/b" cannot have that name: give printed characters`},
		{"a space that is not seen", b.creates(ids.Rules{Space: "a\u200bb", From: 1, To: 9}), events.CodeBadName, "printed characters"},
		{"a space of a space", b.creates(ids.Rules{Space: " ", From: 1, To: 9}), events.CodeBadName, "printed characters"},
		{"a space of a dot", b.creates(ids.Rules{Space: ".", From: 1, To: 9}), events.CodeBadName, "printed characters"},
		{"a space that ends before it begins", b.creates(ids.Rules{Space: "n", From: 10, To: 1}), events.CodeBadData, "from 10 to 1"},
		{"a space below 0", b.creates(ids.Rules{Space: "n", From: -1, To: 1}), events.CodeBadData, "from -1 to 1"},
		{"a space of all numbers", b.creates(ids.Rules{Space: "n", From: 0, To: math.MaxInt64}), events.CodeBadData, "give 0 <= from"},
		{"a space with a count below 0", b.creates(ids.Rules{Space: "n", From: 1, To: 9, MaxCount: -1}), events.CodeBadData, "a count"},
		{"a space with a count of all numbers", b.creates(ids.Rules{Space: "n", From: 1, To: 9, MaxCount: math.MaxInt64}), events.CodeBadData, "a count"},
		{"a space becomes narrower", func(ctx context.Context) error { return b.Grow(ctx, "spi", 90) }, events.CodeOutOfBounds, "narrower"},
		{"a space grows beyond all numbers", func(ctx context.Context) error { return b.Grow(ctx, "spi", math.MaxInt64) }, events.CodeOutOfBounds, "9007199254740991"},
		{"delete what is held", func(ctx context.Context) error { return b.Delete(ctx, "spi", false) }, events.CodeSpaceHeld, `1-10 by owner "me" (request ID "a")`},
	} {
		refusal := refused(t, r.do(t.Context()), r.code)
		if !strings.Contains(refusal.Text, r.says) || strings.ContainsAny(refusal.Text, "\x1b\n") || len(refusal.Text) > 600 {
			t.Errorf("%s: the text is %q; want %q in it", r.name, refusal.Text, r.says)
		}
		if now := b.has(t); now != before {
			t.Errorf("%s: free, live and resting are %v; they were %v", r.name, now, before)
		}
		again, err := b.Grant(t.Context(), ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "me"})
		if err != nil || again.Offset != b.held.Offset {
			t.Fatalf("%s: a good request after it has the answer %+v, %v", r.name, again, err)
		}
	}
	fresh, err := b.Grant(t.Context(), ids.Want{Space: "spi", Count: 50, RequestID: "fresh"})
	if err != nil || fresh.From != 13 {
		t.Errorf("after all of them %+v was granted: %v", fresh, err)
	}
}

// Strangers may write anything to both logs: the fold leaves it out or refuses it, a command
// that cannot be read is a dead letter, and all that is granted is disjoint.
func TestStrangers(t *testing.T) {
	at, release := connect(t)
	t.Cleanup(release)
	run(t, newService(t, at, store.NewMemory(), nil))
	b := badOf(t, at, unjudged(t, at)) // The verifier names what strangers write.
	ctx := t.Context()
	encoder := events.Encoder{Source: "/stranger"}
	call := func(n byte, seen int64, m *events.IdsRangeGranted) events.Record {
		m.Space = "spi"
		r, err := sharedlog.Encode(encoder, sharedlog.CallID{n}, seen, m)
		must(t, err)
		return r
	}
	plain, err := encoder.Encode("id", &events.IdsRangeGranted{Space: "spi", RequestId: "plain", From: 20, To: 21})
	must(t, err)
	short := call(1, 0, &events.IdsRangeGranted{RequestId: "short", From: 20, To: 21})
	for i, h := range short.Headers {
		if h.Key == events.HeaderCall {
			short.Headers[i].Value = h.Value[:5]
		}
	}
	broken := call(2, 0, &events.IdsRangeGranted{RequestId: "broken", From: 20, To: 21})
	broken.Value = []byte(strings.Repeat("\xff", 50))
	before := b.has(t)
	partition := events.SpacePartition("spi")
	_, err = b.at.Partition(topics.IDEvents(), partition).Append(ctx, []events.Record{
		{}, {Key: []byte("k"), Value: []byte("hello")}, plain, short, broken,
		call(3, 1<<40, &events.IdsRangeGranted{RequestId: "from the future", From: 20, To: 21}),
		call(4, 0, &events.IdsRangeGranted{RequestId: "overlaps", From: 10, To: 20}),
		call(5, 0, &events.IdsRangeGranted{RequestId: "esc\x1b[2J", From: 20, To: 21}),
		call(6, 0, &events.IdsRangeGranted{RequestId: "first body", From: 90, To: 91}),
		call(6, 0, &events.IdsRangeGranted{RequestId: "second body", From: 92, To: 93}),
	})
	must(t, err)
	for p := range events.IDRequestPartitions {
		_, err = b.at.Partition(topics.IDRequests(), p).Append(ctx, []events.Record{
			{}, {Key: []byte("k"), Value: []byte("hello")}, plain, {Value: make([]byte, 10<<10)},
		})
		must(t, err)
	}
	g, err := b.Grant(ctx, ids.Want{Space: "spi", Count: 50, RequestID: "good"})
	if err != nil || g.From != 13 {
		t.Errorf("after all that %+v was granted: %v", g, err)
	}
	// Of the strangers' records one is a call that counts: the first with its ID.
	now := b.has(t)
	if want := [3]int64{before[0] - 50 - 2, before[1] + 50 + 2, before[2]}; now != want {
		t.Errorf("free, live and resting are %v; want %v", now, want)
	}
	_, err = b.Reserve(ctx, ids.Want{Space: "spi"}, 90, 93)
	if r := refused(t, err, events.CodeRangeTaken); !strings.Contains(r.Text, `90-91 by owner "" (request ID "first body")`) || strings.Contains(r.Text, "second") {
		t.Error(r.Text)
	}
}

// While Redis cannot be reached a grant is refused and says so, what needs no proposal goes
// on, and grants do when Redis is back.
func TestRedisIsUnreachable(t *testing.T) {
	server := miniredis.RunT(t)
	_, c := system(t, func(c *allocator.Config) { c.Patience = 100 * time.Millisecond }, opened(t, server.Addr()))
	ctx := t.Context()
	must(t, c.Declare(ctx, ids.Rules{Space: "spi", From: 1, To: 100}))
	a := granted(t, c, ids.Want{Space: "spi", RequestID: "a", Owner: "me"})
	server.Server().Close() // Close races with INFO.
	_, err := c.Grant(ctx, ids.Want{Space: "spi", RequestID: "b"})
	if r := refused(t, err, events.CodeStoreUnavailable); !strings.Contains(r.Text, "Redis") || !strings.Contains(r.Text, "same request ID") {
		t.Error(r.Text)
	}
	must(t, c.Declare(ctx, ids.Rules{Space: "other", From: 1, To: 100}))
	_, err = c.Reserve(ctx, ids.Want{Space: "spi", RequestID: "r"}, 50, 51)
	must(t, err)
	must(t, c.Release(ctx, a))
	must(t, server.Restart())
	b := granted(t, c, ids.Want{Space: "spi", RequestID: "b"})
	if b.From < 2 || b.From == 50 || b.From == 51 {
		t.Errorf("granted when it is back: %+v", b)
	}
}

// What is in the way of a command is in its refusal: the first ranges, and how many
// identifiers more.
func TestARefusalSaysWhatIsHeld(t *testing.T) {
	b := newBad(t)
	ctx := t.Context()
	for i := range 6 {
		_, err := b.Reserve(ctx, ids.Want{Space: "spi", RequestID: fmt.Sprint("r", i), Owner: "you"}, int64(20+10*i), int64(22+10*i))
		must(t, err)
	}
	you := func(i int64) *events.IdsHeld {
		return &events.IdsHeld{From: 20 + 10*i, To: 22 + 10*i, Owner: "you", RequestId: fmt.Sprint("r", i)}
	}
	for _, c := range []struct {
		name string
		do   func(context.Context) error
		code events.Code
		more int64
		want []*events.IdsHeld
	}{
		{"delete", func(ctx context.Context) error { return b.Delete(ctx, "spi", false) }, events.CodeSpaceHeld, 6, []*events.IdsHeld{
			{From: 1, To: 10, Owner: "me", RequestId: "a"}, you(0), you(1), you(2), you(3),
		}},
		{"reserve a part", b.reserves(ids.Want{Space: "spi"}, 8, 30), events.CodeRangeTaken, 0, []*events.IdsHeld{
			{From: 1, To: 10, Owner: "me", RequestId: "a"}, {From: 11, To: 12, Owner: "me", RequestId: "gone", Resting: true}, you(0), you(1),
		}},
		{"reserve", b.reserves(ids.Want{Space: "spi"}, 12, 61), events.CodeRangeTaken, 3, []*events.IdsHeld{
			{From: 11, To: 12, Owner: "me", RequestId: "gone", Resting: true}, you(0), you(1), you(2), you(3),
		}},
		{"reserve more", b.reserves(ids.Want{Space: "spi"}, 10, 59), events.CodeRangeTaken, 3, []*events.IdsHeld{
			{From: 1, To: 10, Owner: "me", RequestId: "a"}, {From: 11, To: 12, Owner: "me", RequestId: "gone", Resting: true}, you(0), you(1), you(2),
		}},
		{"something else", b.grants(ids.Want{Space: "spi", Count: 51}), events.CodeBadCount, 0, nil},
	} {
		r := refused(t, c.do(ctx), c.code)
		if r.HeldMore != c.more || !slices.EqualFunc(r.Held, c.want, func(a, b *events.IdsHeld) bool { return proto.Equal(a, b) }) {
			t.Errorf("%s: held is %v and %d more; want %v and %d more", c.name, r.Held, r.HeldMore, c.want, c.more)
		}
	}
}

// Of a space that is held in more places than are looked at, all that is held is counted.
func TestARefusalCountsAllThatIsHeld(t *testing.T) {
	const each, callers = 105, 10
	_, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	grants(t, c, callers, each, 3, nil)
	r := refused(t, c.Delete(t.Context(), "spi", false), events.CodeSpaceHeld)
	if len(r.Held) != 5 || r.HeldMore != callers*each*3-5*3 || !strings.Contains(r.Text, "and 3135 identifiers more") {
		t.Errorf("%d ranges are named, and %d identifiers more: %s", len(r.Held), r.HeldMore, r.Text)
	}
}
