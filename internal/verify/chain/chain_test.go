package chain_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/pkg/events"
)

// log is one that was written by hand.
type log struct {
	*handmade.Log
	t *testing.T
}

func newLog(t *testing.T) *log {
	t.Helper()
	return &log{handmade.New(t), t}
}

// finds has the chain alone judged, and demands exactly the findings "RULE text", in order.
func (l *log) finds(want ...string) chain.Report {
	l.t.Helper()
	p := chain.NewPartition(handmade.Topic, handmade.Partition, chain.Options{}, nil)
	for i := range l.Records {
		p.Feed(&l.Records[i])
	}
	r := p.Report()
	ok := len(r.Findings) == len(want) && r.Violations == int64(len(want))
	for i := 0; ok && i < len(want); i++ {
		rule, text, _ := strings.Cut(want[i], " ")
		ok = r.Findings[i].Rule == rule && strings.Contains(r.Findings[i].Text, text)
	}
	if !ok {
		l.t.Errorf("findings differ: want %q, got:", want)
		for _, f := range r.Findings {
			l.t.Errorf("  %+v", f)
		}
	}
	return r
}

// Events of any sort: the chain does not look into them.

func accepted(id string) proto.Message {
	return &events.TaskAccepted{Task: &events.Task{Id: id, Pool: "p"}}
}

func cancelled(id string) proto.Message { return &events.TaskCancelled{TaskId: id, Pool: "p"} }

// wire.md's hash, byte by byte.
func TestHashIsThatOfTheWire(t *testing.T) {
	t.Parallel()
	want := xxhash.Sum64String("\x00\x00\x00\x00\x00\x00\x01\x02" + // prev
		"\x00\x00\x00\x03a@1" + // spanway-inputs
		"\x00\x00\x00\x01T" + "\x00\x00\x00\x02hi" + // ce_type, value
		"\xff\xff\xff\xff" + "\x00\x00\x00\x00" + // no ce_type, empty value
		"\x00\x00\x00\x01U" + "\xff\xff\xff\xff") // null value
	typ := func(s string) events.Header { return events.Header{Key: events.HeaderType, Value: []byte(s)} }
	got := chain.Hash(0x0102, []events.Record{
		{Value: []byte("hi"), Headers: []events.Header{typ("T"), {Key: events.HeaderInputs, Value: []byte("a@1")}}},
		{Value: []byte{}},
		{Headers: []events.Header{typ("U")}},
	})
	if got != want {
		t.Errorf("hash is %016x; want %016x", got, want)
	}
}

// What a sound log may hold without counting.
func TestSkipped(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	zombie := l.Made(accepted("zombie"))
	l.N--
	l.Batch(accepted("t"))
	repeat := l.Records[len(l.Records)-1]
	l.Batch(accepted("u"))
	l.Land(repeat)                                       // repeat
	l.Land(zombie...)                                    // other_history, a finding
	lateClaim := l.ClaimOf(2, "b")                       //
	l.Claim()                                            // epoch 2
	l.Land(lateClaim...)                                 // old_epoch
	l.Land(zombie...)                                    // old_epoch
	l.Batch(cancelled("t"))                              //
	l.Land(events.Record{Value: []byte("x")})            // no_batch
	bad := events.Header{Key: events.HeaderLog}          //
	l.Land(events.Record{Headers: []events.Header{bad}}) // bad_header
	double := l.Made(accepted("v"))
	l.N--
	double[0].Headers = append(double[0].Headers, double[0].Headers[len(double[0].Headers)-1])
	l.Land(double...) // bad_header
	cut := l.Made(accepted("v"), accepted("w"))
	l.N -= 2
	l.Land(cut[0]) // cut_short
	mixed := l.Made(&events.LogClaimed{ClaimId: make([]byte, 16)})
	l.N--
	l.Land(mixed...) // bad_claim: it has inputs
	l.Batch(cancelled("u"))
	half := l.Made(accepted("v"), accepted("w"))
	l.Land(half[0]) // unfinished
	r := l.finds("G6 decided on history")
	for reason, n := range map[string]int64{
		"repeat": 1, "other_history": 1, "old_epoch": 2, "no_batch": 1,
		"bad_header": 2, "cut_short": 1, "bad_claim": 1,
	} {
		if r.Skipped[reason] != n {
			t.Errorf("%d records were skipped as %s; want %d", r.Skipped[reason], reason, n)
		}
	}
	if r.Unfinished != 1 || r.Claims != 2 || r.Counted != 6 {
		t.Errorf("the counts are wrong: %+v", r)
	}
}

// Owners that break G6.
func TestBrokenHistory(t *testing.T) {
	t.Parallel()
	t.Run("an owner counted what does not count", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		zombie := l.Made(accepted("zombie"))
		l.Claim()
		l.Land(zombie...)
		l.History = chain.Hash(l.History, zombie) // it should not have
		l.Batch(cancelled("zombie"))
		l.finds("G6 decided on history")
	})
	t.Run("writes without a claim", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		l.Epoch = 7
		l.Batch(accepted("t"))
		l.finds("G6 which no claim")
	})
	t.Run("a hash that is not that of the content", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		records := []events.Record{l.Encode(l.ID(), accepted("t"))}
		l.Link(l.History, 42, l.Epoch, records)
		l.Land(records...)
		l.History = 42
		l.Batch(cancelled("t"))
		l.finds("G6 its hash is")
	})
	t.Run("event IDs that do not grow, or of another epoch", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		l.Batch(accepted("t"))
		l.N--
		l.Batch(accepted("u"))
		l.Epoch = 9
		id := l.ID()
		l.Epoch = 1
		records := []events.Record{l.Encode(id, accepted("v"))}
		l.Link(l.History, chain.Hash(l.History, records), l.Epoch, records)
		l.Land(records...)
		l.finds("G6 stands before it", "G6 here it must be")
	})
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	unknown := l.Made(accepted("t"))
	for i := range unknown[0].Headers {
		if unknown[0].Headers[i].Key == events.HeaderType {
			unknown[0].Headers[i].Value = []byte("spanway.task.dreamt.v1")
		}
	}
	relink := func(records []events.Record) {
		records[0].Headers = records[0].Headers[:len(records[0].Headers)-1]
		l.Link(l.History, chain.Hash(l.History, records), l.Epoch, records)
		l.Land(records...)
		l.History = chain.Hash(l.History, records)
	}
	relink(unknown)
	broken := l.Made(accepted("t"))
	broken[0].Value = []byte{0xFF}
	relink(broken)
	empty := l.Made(accepted("t"))
	empty[0].Value = nil
	relink(empty)
	l.Records = l.Records[:len(l.Records):len(l.Records)]
	r := l.finds("LOG cannot be read")
	if r.UnknownTypes != 1 {
		t.Errorf("the counts are wrong: %+v", r)
	}
	for i := range l.Records {
		l.Records[i].Offset += 5
	}
	// Nothing stands where its writer expected it, so nothing can be judged.
	if r = l.finds(); r.Skipped["before_start"] != r.Records || r.Partial[0] != (chain.Partial{Log: handmade.Topic, Partition: handmade.Partition, Begins: 5, From: -1}) {
		t.Errorf("the counts are wrong: %+v", r)
	}
}

// A foreign program that claims the log decides in the owner's place, and breaks no
// rule by that: its name among the claims is what shows it.
func TestClaimsAreToldByOwner(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.Claim()
	forged := l.ClaimOf(l.Epoch+1, "other")
	l.Land(forged...)
	l.History, l.Epoch, l.N = chain.Hash(l.History, forged), l.Epoch+1, -1
	l.Batch(accepted("t"))
	l.Land(l.ClaimOf(l.Epoch, "late")...)
	r := l.finds()
	if want := map[string]int64{"a": 2, "other": 1}; !maps.Equal(r.ClaimsBy, want) || r.Claims != 3 {
		t.Errorf("%d claims, by %v; want 3, by %v", r.Claims, r.ClaimsBy, want)
	}
	var sum chain.Report
	sum.Add(r)
	sum.Add(r)
	sum.Add(chain.Report{ClaimsBy: map[string]int64{"": 1}})
	if want := map[string]int64{"a": 4, "other": 2, "(unnamed)": 1}; !maps.Equal(sum.ClaimsBy, want) {
		t.Errorf("the sum is by %v, want by %v", sum.ClaimsBy, want)
	}
	for i := range 2 * chain.MaxOwners {
		sum.Add(chain.Report{ClaimsBy: map[string]int64{strconv.Itoa(i): 1}})
	}
	if n := len(sum.ClaimsBy); n != chain.MaxOwners+1 {
		t.Errorf("%d names are kept, want %d and one for all others", n, chain.MaxOwners)
	}
}
