package verify

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// wire.md's hash, byte by byte.
func TestHashIsThatOfTheWire(t *testing.T) {
	t.Parallel()
	want := xxhash.Sum64String("\x00\x00\x00\x00\x00\x00\x01\x02" + // prev
		"\x00\x00\x00\x03a@1" + // spanway-inputs
		"\x00\x00\x00\x01T" + "\x00\x00\x00\x02hi" + // ce_type, value
		"\xff\xff\xff\xff" + "\x00\x00\x00\x00" + // no ce_type, empty value
		"\x00\x00\x00\x01U" + "\xff\xff\xff\xff") // null value
	typ := func(s string) events.Header { return events.Header{Key: events.HeaderType, Value: []byte(s)} }
	got := hash(0x0102, []events.Record{
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
	zombie := l.made(accepted("zombie"))
	l.n--
	l.batch(accepted("t"))
	repeat := l.records[len(l.records)-1]
	l.batch(accepted("u"))
	l.land(repeat)                                       // repeat
	l.land(zombie...)                                    // other_history, a finding
	lateClaim := l.claimOf(2, "b")                       //
	l.claim()                                            // epoch 2
	l.land(lateClaim...)                                 // old_epoch
	l.land(zombie...)                                    // old_epoch
	l.batch(cancelled("t"))                              //
	l.land(events.Record{Value: []byte("x")})            // no_batch
	bad := events.Header{Key: events.HeaderLog}          //
	l.land(events.Record{Headers: []events.Header{bad}}) // bad_header
	double := l.made(accepted("v"))
	l.n--
	double[0].Headers = append(double[0].Headers, double[0].Headers[len(double[0].Headers)-1])
	l.land(double...) // bad_header
	cut := l.made(accepted("v"), accepted("w"))
	l.n -= 2
	l.land(cut[0]) // cut_short
	mixed := l.made(&events.LogClaimed{ClaimId: make([]byte, 16)})
	l.n--
	l.land(mixed...) // bad_claim: it has inputs
	l.batch(cancelled("u"))
	half := l.made(accepted("v"), accepted("w"))
	l.land(half[0]) // unfinished
	r := l.finds(Options{NoneOpen: true}, "G6 decided on history")
	for reason, n := range map[string]int64{
		reasonRepeat: 1, reasonOtherHistory: 1, reasonOldEpoch: 2, reasonNoBatch: 1,
		reasonBadHeader: 2, reasonCutShort: 1, reasonBadClaim: 1,
	} {
		if r.Skipped[reason] != n {
			t.Errorf("%d records were skipped as %s; want %d", r.Skipped[reason], reason, n)
		}
	}
	if r.Unfinished != 1 || r.Claims != 2 || r.Tasks != 2 || r.Counted != 6 {
		t.Errorf("the counts are wrong: %+v", r)
	}
}

// Owners that break G6.
func TestBrokenHistory(t *testing.T) {
	t.Parallel()
	t.Run("an owner counted what does not count", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		zombie := l.made(accepted("zombie"))
		l.claim()
		l.land(zombie...)
		l.history = hash(l.history, zombie) // it should not have
		l.batch(cancelled("zombie"))
		l.finds(Options{}, "G6 decided on history")
	})
	t.Run("writes without a claim", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		l.epoch = 7
		l.batch(accepted("t"))
		l.finds(Options{}, "G6 which no claim")
	})
	t.Run("a hash that is not that of the content", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		records := []events.Record{l.encode(l.id(), accepted("t"))}
		l.withHeader(l.history, 42, l.epoch, records)
		l.land(records...)
		l.history = 42
		l.batch(cancelled("t"))
		l.finds(Options{}, "G6 its hash is")
	})
	t.Run("event IDs that do not grow, or of another epoch", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		l.batch(accepted("t"))
		l.n--
		l.batch(accepted("u"))
		l.epoch = 9
		id := l.id()
		l.epoch = 1
		records := []events.Record{l.encode(id, accepted("v"))}
		l.withHeader(l.history, hash(l.history, records), l.epoch, records)
		l.land(records...)
		l.finds(Options{}, "G6 stands before it", "G6 here it must be")
	})
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	unknown := l.made(accepted("t"))
	for i := range unknown[0].Headers {
		if unknown[0].Headers[i].Key == events.HeaderType {
			unknown[0].Headers[i].Value = []byte("spanway.task.dreamt.v1")
		}
	}
	relink := func(records []events.Record) {
		records[0].Headers = records[0].Headers[:len(records[0].Headers)-1]
		l.withHeader(l.history, hash(l.history, records), l.epoch, records)
		l.land(records...)
		l.history = hash(l.history, records)
	}
	relink(unknown)
	broken := l.made(accepted("t"))
	broken[0].Value = []byte{0xFF}
	relink(broken)
	empty := l.made(accepted("t"))
	empty[0].Value = nil
	relink(empty)
	l.records = l.records[:len(l.records):len(l.records)]
	r := l.finds(Options{}, "LOG cannot be read")
	if r.UnknownTypes != 1 || r.Tasks != 0 {
		t.Errorf("the counts are wrong: %+v", r)
	}
	for i := range l.records {
		l.records[i].Offset += 5
	}
	// Nothing stands where its writer expected it, so nothing can be judged.
	if r = l.finds(Options{}); r.Skipped[reasonBeforeStart] != r.Records || r.Partial[0] != (Partial{Partition: testPartition, Begins: 5, From: -1}) {
		t.Errorf("the counts are wrong: %+v", r)
	}
}

func TestReportsAddUp(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	for range 5 {
		l.each(cancelled("t"))
	}
	one := l.judge(Options{MaxFindings: 2})
	if one.Violations != 5 || len(one.Findings) != 2 || one.OK() {
		t.Errorf("%d violations, %d findings; want 5 and 2", one.Violations, len(one.Findings))
	}
	var all Report
	all.Add(one)
	all.Add(one)
	if all.Partitions != 2 || all.Records != 12 || all.Violations != 10 || len(all.Findings) != 4 {
		t.Errorf("the sum is wrong: %+v", all)
	}
	text, err := json.Marshal(all)
	if err != nil || !strings.Contains(string(text), `"rule":"G1"`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}
