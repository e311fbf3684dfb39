package order_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// What is refused, with which code; and that it changes nothing.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 10<<10)
	for _, c := range []struct {
		name string
		m    proto.Message
		want events.Code
	}{
		{"no ID", enqueued(""), events.CodeBadEntryID},
		{"an ID of 10 KB", enqueued(long), events.CodeBadEntryID},
		{"control characters", enqueued("a\x1b[2J"), events.CodeBadEntryID},
		{"not UTF-8", enqueued("\xff"), events.CodeBadEntryID},
		{"a large payload", &events.QueueEnqueued{Id: "n", Payload: make([]byte, 10<<20)}, events.CodeTooLarge},
		{"beyond the queue's size of an entry", &events.QueueEnqueued{Id: "n", Payload: make([]byte, 11)}, events.CodeTooLarge},
		{"a strange type", &events.QueueEnqueued{Id: "n", PayloadType: long}, events.CodeBadData},
		{"held", enqueued("free"), events.CodeDuplicateEntry},
		{"held and claimed", enqueued("claimed"), events.CodeDuplicateEntry},
		{"removed", enqueued("gone"), events.CodeAlreadyRemoved},
		{"too many bytes", &events.QueueEnqueued{Id: strings.Repeat("n", 99)}, events.CodeQueueFull},
		{"remove what is not there", &events.QueueRemoved{Id: "never"}, events.CodeUnknownEntry},
		{"remove twice", &events.QueueRemoved{Id: "gone"}, events.CodeAlreadyRemoved},
		{"remove no ID", &events.QueueRemoved{}, events.CodeBadEntryID},
		{"remove for a long reason", &events.QueueRemoved{Id: "free", Reason: long}, events.CodeBadData},
		{"claim for no time", &events.QueueClaimed{}, events.CodeBadData},
		{"claim for too long", &events.QueueClaimed{LeaseMs: math.MaxInt64}, events.CodeBadData},
		{"claim too many", &events.QueueClaimed{LeaseMs: 1, Count: 1001}, events.CodeBadCount},
		{"claim fewer than none", &events.QueueClaimed{LeaseMs: 1, Count: -1}, events.CodeBadCount},
		{"claim IDs and a count", &events.QueueClaimed{LeaseMs: 1, Count: 1, Ids: []string{"free"}}, events.CodeBadData},
		{"claim one twice", &events.QueueClaimed{LeaseMs: 1, Ids: []string{"free", "free"}}, events.CodeBadData},
		{"claim with another's", &events.QueueClaimed{LeaseMs: 1, Ids: []string{"free", "claimed"}}, events.CodeAlreadyClaimed},
		{"claim what is gone", &events.QueueClaimed{LeaseMs: 1, Ids: []string{"free", "gone"}}, events.CodeAlreadyRemoved},
		{"claim what never was", &events.QueueClaimed{LeaseMs: 1, Ids: []string{"free", "never"}}, events.CodeUnknownEntry},
		{"extend under another token", &events.QueueClaimExtended{Id: "claimed", Token: 1, LeaseMs: 1}, events.CodeStaleClaim},
		{"extend for no time", &events.QueueClaimExtended{Id: "claimed", Token: 5}, events.CodeBadData},
		{"finish what is not claimed", &events.QueueDone{Id: "free", Token: 5}, events.CodeStaleClaim},
		{"finish what is gone", &events.QueueDone{Id: "gone", Token: 5}, events.CodeStaleClaim},
		{"finish what never was", &events.QueueDone{Id: "never", Token: 5}, events.CodeUnknownEntry},
		{"release under no token", &events.QueueReleased{Id: "claimed"}, events.CodeStaleClaim},
		{"release for a long reason", &events.QueueReleased{Id: "claimed", Token: 5, Reason: long}, events.CodeBadData},
		{"create it with other rules", &events.QueueConfigured{Create: true}, events.CodeQueueExists},
		{"change the kind of its IDs", &events.QueueConfigured{Settings: &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_UUIDV7}}, events.CodeBadData},
		{"rules below 0", &events.QueueConfigured{Settings: &events.QueueSettings{MaxBytes: -1}}, events.CodeBadData},
		{"a space for callers' IDs", &events.QueueConfigured{Settings: &events.QueueSettings{Space: "s"}}, events.CodeBadData},
		{"delete what holds entries", &events.QueueDeleted{}, events.CodeQueueHeld},
		{"what is no call of a queue", &events.TaskAccepted{}, events.CodeUnknownType},
		{"nothing", nil, events.CodeBadData},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(t, &events.QueueSettings{MaxBytes: 100, MaxEntryBytes: 10})
			l.enqueue(t, "free", "gone", "claimed")
			l.call(&events.QueueRemoved{Id: "gone"})
			if code := l.call(&events.QueueClaimed{Ids: []string{"claimed"}, LeaseMs: 1000}); code != "" {
				t.Fatal(code)
			}
			before := string(l.q.Snapshot(nil))
			l.q.Observe = func(c order.Change) { t.Errorf("it changed: %+v", c) }
			if code := l.call(c.m); code != c.want {
				t.Errorf("decided %q, want %q", code, c.want)
			}
			if string(l.q.Snapshot(nil)) != before {
				t.Error("it was refused, and changed the state")
			}
		})
	}
}

// Nothing counts before a queue was created, and nothing after it was deleted.
func TestALifeOfAQueue(t *testing.T) {
	l := &log{q: order.New()}
	for _, m := range []proto.Message{enqueued("a"), &events.QueueDeleted{Force: true}, &events.QueueConfigured{}} {
		if code := l.call(m); code != events.CodeUnknownQueue {
			t.Errorf("%T: %q", m, code)
		}
	}
	create := &events.QueueConfigured{Create: true, Settings: &events.QueueSettings{MaxEntries: 2}}
	for range 2 { // The same rules again are no other queue.
		if code := l.call(create); code != "" {
			t.Fatal(code)
		}
	}
	l.enqueue(t, "a", "b")
	if code := l.call(enqueued("c")); code != events.CodeQueueFull {
		t.Fatalf("beyond its bound: %q", code)
	}
	if code := l.call(&events.QueueConfigured{Settings: &events.QueueSettings{MaxEntries: 3}}); code != "" {
		t.Fatal(code)
	}
	l.enqueue(t, "c")
	l.lists(t, " a@5 b@6 c@9")
	if code := l.call(&events.QueueDeleted{Force: true}); code != "" {
		t.Fatal(code)
	}
	for _, m := range []proto.Message{enqueued("d"), create, &events.QueueDeleted{}} {
		if code := l.call(m); code != events.CodeQueueDeleted {
			t.Errorf("%T: %q", m, code)
		}
	}
	if l.q.Floor() != math.MaxInt64 || l.q.Counts() != (order.Counts{}) {
		t.Errorf("it is deleted, and holds %+v from %d on", l.q.Counts(), l.q.Floor())
	}
}

// Claims: the first that are free, by order; tokens fence; what is released stands at its
// old place.
func TestClaims(t *testing.T) {
	l := newLog(t, nil)
	l.enqueue(t, "a", "b", "c")
	claim := func(n int32) events.Code { return l.call(&events.QueueClaimed{Count: n, LeaseMs: 1000, Holder: "w"}) }
	if claim(0) != "" || claim(2) != "" || claim(1) != events.CodeNothingToClaim {
		t.Fatal("claims of the first")
	}
	l.lists(t, " a@1!4 b@2!5 c@3!5")
	if taken := l.q.Taken(5); len(taken) != 2 || taken[0].ID != "b" || taken[0].Claim.Holder != "w" {
		t.Errorf("the second claim took %+v", taken)
	}
	l.call(&events.QueueReleased{Id: "b", Token: 5})
	l.lists(t, " a@1!4 b@2 c@3!5")
	claim(1)
	l.lists(t, " a@1!4 b@2!8 c@3!5")
	if code := l.call(&events.QueueDone{Id: "b", Token: 5}); code != events.CodeStaleClaim {
		t.Fatalf("finished under the old token: %q", code)
	}
	if l.call(&events.QueueDone{Id: "b", Token: 8}) != "" || l.call(&events.QueueRemoved{Id: "c"}) != "" {
		t.Fatal("finished and removed")
	}
	if code := l.call(&events.QueueDone{Id: "c", Token: 5}); code != events.CodeStaleClaim {
		t.Fatalf("finished what was removed: %q", code)
	}
	l.lists(t, " a@1!4")
}

// A lease begins when the time of the log moves, and lasts as long as asked at least.
func TestLeases(t *testing.T) {
	l := newLog(t, nil)
	l.pass(5000)
	l.enqueue(t, "a", "b")
	due := func(want int64) {
		t.Helper()
		if got := l.q.Due(); got != want {
			t.Fatalf("at %d of the log's time the next is due at %d, want %d", l.now, got, want)
		}
	}
	due(math.MaxInt64)
	l.call(&events.QueueClaimed{Ids: []string{"a"}, LeaseMs: 30_000})
	due(6000)
	l.pass(905_000) // The hosts did not move it for 15 minutes: they had no reason to.
	l.lists(t, " a@2!4 b@3")
	due(935_000)
	l.call(&events.QueueClaimed{Ids: []string{"b"}, LeaseMs: 10})
	l.call(&events.QueueClaimExtended{Id: "a", Token: 4, LeaseMs: 10}) // No lease becomes shorter.
	l.pass(906_000)
	due(906_010)
	l.pass(934_999)
	l.lists(t, " a@2!4 b@3")
	l.call(&events.QueueClaimExtended{Id: "a", Token: 4, LeaseMs: 30_000})
	l.pass(935_000)
	due(965_000)
	l.pass(965_000)
	l.lists(t, " a@2 b@3")
	if code := l.call(&events.QueueDone{Id: "a", Token: 4}); code != events.CodeStaleClaim {
		t.Fatalf("finished when the lease had ended: %q", code)
	}
	due(math.MaxInt64)
}

// The kinds of IDs.
func TestKindsOfIDs(t *testing.T) {
	const hour = "01893" // The first digits of times within a few minutes of each other.
	uuid := func(ms string) string { return hour + ms[:3] + "-" + ms[3:7] + "-7000-8000-000000000000" }
	for _, c := range []struct {
		kind events.QueueIDs
		bad  []string
		good []string
	}{
		{events.QueueIDs_QUEUE_IDS_UUIDV7, []string{
			"a", "", "1", strings.ToUpper(uuid("abcdef0")), strings.Replace(uuid("0000000"), "-7", "-4", 1),
			strings.Replace(uuid("0000000"), "-8", "-c", 1), strings.Replace(uuid("0000000"), "-", "0", 1), "{" + uuid("0000000") + "}",
		}, []string{uuid("0000001"), uuid("0000000")}},
		{events.QueueIDs_QUEUE_IDS_SPACE, []string{"a", "", "-1", "01", "+1", "1.0", "9223372036854775808", "1 "},
			[]string{"1", "0", "9223372036854775807", "3", "2"}},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			s := &events.QueueSettings{Ids: c.kind}
			if c.kind == events.QueueIDs_QUEUE_IDS_SPACE {
				s.Space = "s"
			}
			l := newLog(t, s)
			for _, id := range c.bad {
				for _, m := range []proto.Message{enqueued(id), &events.QueueRemoved{Id: id}, &events.QueueDone{Id: id}} {
					if code := l.call(m); code != events.CodeBadEntryID {
						t.Errorf("%T %q: %q", m, id, code)
					}
				}
			}
			l.enqueue(t, c.good...)
			for _, id := range c.good {
				l.call(&events.QueueRemoved{Id: id})
				if code := l.call(enqueued(id)); code != events.CodeAlreadyRemoved {
					t.Errorf("%q comes back: %q", id, code)
				}
			}
		})
	}
}

// UUIDs are remembered for a day before the newest, and older ones are refused.
func TestTheWindowOfUUIDs(t *testing.T) {
	uuid := func(ms int64) string {
		const digits = "0123456789abcdef"
		b := []byte("00000000-0000-7000-8000-000000000000")
		for _, at := range []int{12, 11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0} {
			b[at], ms = digits[ms%16], ms/16
		}
		return string(b)
	}
	const minute, day = 60_000, 24 * 3_600_000
	l := newLog(t, &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_UUIDV7})
	l.enqueue(t, uuid(0), uuid(minute), uuid(2*minute))
	l.call(&events.QueueRemoved{Id: uuid(0)})
	l.call(&events.QueueRemoved{Id: uuid(minute)})
	l.enqueue(t, uuid(day+minute))
	if n := l.q.Counts().Removed; n != 1 {
		t.Errorf("%d removed ones are remembered", n)
	}
	for id, want := range map[string]events.Code{
		uuid(0): events.CodeBadEntryID, uuid(1): events.CodeBadEntryID,
		uuid(minute): events.CodeAlreadyRemoved, uuid(minute + 1): "",
		uuid(2 * minute): events.CodeDuplicateEntry,
	} {
		if code := l.call(enqueued(id)); code != want {
			t.Errorf("%s: %q, want %q", id, code, want)
		}
	}
	l.enqueue(t, uuid(9*day))
	l.call(&events.QueueRemoved{Id: uuid(2 * minute)}) // It is old, and so it need not be remembered.
	if code := l.call(enqueued(uuid(2 * minute))); code != events.CodeBadEntryID {
		t.Errorf("it comes back: %q", code)
	}
	if n := l.q.Counts().Removed; n != 0 {
		t.Errorf("%d removed ones are remembered", n)
	}
}

// Holders are named with what they have claimed, so many and no more.
func TestHolders(t *testing.T) {
	t.Parallel()
	l := newLog(t, nil)
	for i := range 13 {
		l.call(&events.QueueEnqueued{Id: fmt.Sprint("e", i)})
	}
	if some, more := l.q.Holders(10); len(some) != 0 || more != 0 {
		t.Errorf("nothing is claimed: %+v, %d more", some, more)
	}
	for i := range 12 { // The last is free; each holder has three entries.
		l.call(&events.QueueClaimed{Ids: []string{fmt.Sprint("e", 11-i)}, LeaseMs: 1000, Holder: fmt.Sprint("w", (11-i)%4)})
	}
	some, more := l.q.Holders(3)
	if len(some) != 3 || more != 1 {
		t.Fatalf("of 4 holders 3 are %+v, and %d more", some, more)
	}
	for i, h := range some {
		want := fmt.Sprint("w", i)
		if h.Name != want || h.Entries != 3 || h.First.ID != fmt.Sprint("e", i) || h.First.Claim == nil || h.First.Claim.Holder != want {
			t.Errorf("holder %d is %+v", i, h)
		}
	}
}

// A call for a queue that had the name before, or will have it, is refused and changes
// nothing; one that names this queue, or none, is decided as ever. It is so after a snapshot.
func TestACallForAnotherQueueOfTheName(t *testing.T) {
	l := newLog(t, nil)
	l.enqueue(t, "a")
	claim := l.offset
	if code := l.call(&events.QueueClaimed{Ids: []string{"a"}, LeaseMs: 1000}); code != "" {
		t.Fatal(code)
	}
	own := l.q.Creation()
	if own == 0 {
		t.Fatal("the queue has no creation")
	}
	for _, creation := range []uint64{own + 1, own, 0} {
		for _, m := range []proto.Message{
			&events.QueueConfigured{Creation: creation}, &events.QueueEnqueued{Id: fmt.Sprint("b", creation), Creation: creation},
			&events.QueueClaimed{LeaseMs: 1, Creation: creation}, &events.QueueClaimExtended{Id: "a", Token: claim, LeaseMs: 1, Creation: creation},
			&events.QueueReleased{Id: "a", Token: claim, Creation: creation}, &events.QueueDone{Id: "a", Token: claim, Creation: creation},
			&events.QueueRemoved{Id: "a", Creation: creation}, &events.QueueDeleted{Force: true, Creation: creation},
		} {
			before := l.q.Snapshot(nil)
			again := &log{q: order.New(), offset: l.offset}
			if err := again.q.Restore(before); err != nil || again.q.Creation() != own {
				t.Fatal(again.q.Creation(), err)
			}
			code := again.call(m)
			switch same := bytes.Equal(again.q.Snapshot(nil), before); {
			case creation > own && (code != events.CodeQueueDeleted || !same):
				t.Errorf("%T for another queue: %q", m, code)
			case creation <= own && code == events.CodeQueueDeleted:
				t.Errorf("%T with %d for this queue: %q", m, creation, code)
			}
		}
	}
	empty := &log{q: order.New()}
	if code := empty.call(&events.QueueConfigured{Create: true, Creation: own}); code != events.CodeQueueDeleted {
		t.Fatalf("a log without a queue took a call for one: %q", code)
	}
}

// The state of a queue as version 1 wrote it: which queue it is, is not known, and every call
// may be meant for it.
func TestAStateOfVersion1(t *testing.T) {
	l := newLog(t, nil)
	state := l.q.Snapshot(nil)
	at := len(order.New().Snapshot(nil)) // The time and the kind take as much room there.
	at += bytes.Index(state[at:], binary.BigEndian.AppendUint64(nil, l.q.Creation()))
	old := slices.Concat([]byte{1}, state[1:at], state[at+8:])
	q := order.New()
	if err := q.Restore(old); err != nil || !q.Exists() || q.Creation() != 0 || q.Rules() != l.q.Rules() {
		t.Fatal(q.Creation(), q.Rules(), err)
	}
	if code := (&log{q: q, offset: 9}).call(&events.QueueEnqueued{Id: "a", Creation: 7}); code != "" {
		t.Fatal(code)
	}
	parts := &order.Parts{}
	if err := parts.Open(io.NewSectionReader(bytes.NewReader(old), 0, int64(len(old)))); err != nil || !parts.Exists() {
		t.Fatal(err)
	}
}
