package eventlog_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

var chainEncoder = events.Encoder{Source: "/test"}

// sealed makes a batch of the given messages under h, which lacks only what
// follows from them.
func sealed(t interface{ Fatal(...any) }, h eventlog.Header, messages ...proto.Message) []events.Record {
	var batch []events.Record
	for i, m := range messages {
		r, err := chainEncoder.Encode(fmt.Sprintf("t/0/%d/%d", h.Epoch, i), m)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, r)
	}
	h.Records, h.Hash = uint32(len(batch)), eventlog.Hash(h.Prev, batch)
	batch[0].Headers = append(batch[0].Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
	return batch
}

func task(id string) proto.Message { return &events.TaskAccepted{Task: &events.Task{Id: id}} }

func TestWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	claimed := &events.LogClaimed{ClaimId: make([]byte, 16)}
	begun := sealed(t, eventlog.Header{Epoch: 1}, claimed)
	history := eventlog.Hash(0, begun)
	after := func(h eventlog.Header, m ...proto.Message) []events.Record {
		return sealed(t, h, m...)
	}
	twice := after(eventlog.Header{At: 1, Prev: history, Epoch: 1}, task("x"))
	twice[0].Headers = append(twice[0].Headers, twice[0].Headers[len(twice[0].Headers)-1])
	short := after(eventlog.Header{At: 1, Prev: history, Epoch: 1}, task("x"), task("y"))[:1]
	bad := after(eventlog.Header{At: 1, Prev: history, Epoch: 1}, task("x"))
	bad[0].Headers[len(bad[0].Headers)-1].Value = []byte("short")
	withInputs := after(eventlog.Header{At: 1, Prev: history, Epoch: 2}, claimed)
	withInputs[0].Headers = append(withInputs[0].Headers, events.Header{Key: events.HeaderInputs, Value: []byte{}})

	for _, c := range []struct {
		name  string
		batch []events.Record
		why   eventlog.Skip
		n     int
	}{
		{"another history", after(eventlog.Header{Prev: history + 1, Epoch: 1}, task("x")), eventlog.SkipOtherHistory, 1},
		{"an older epoch", after(eventlog.Header{Prev: history}, task("x")), eventlog.SkipOldEpoch, 1},
		{"a later epoch", after(eventlog.Header{Prev: history, Epoch: 2}, task("x")), eventlog.SkipOldEpoch, 1},
		{"a claim of the current epoch", after(eventlog.Header{Prev: history, Epoch: 1}, claimed), eventlog.SkipOldEpoch, 1},
		{"a claim of a far epoch", after(eventlog.Header{Prev: history, Epoch: 3}, claimed), eventlog.SkipOldEpoch, 1},
		{"a claim among events", after(eventlog.Header{Prev: history, Epoch: 1}, task("x"), claimed), eventlog.SkipBadClaim, 2},
		{"a claim with inputs", withInputs, eventlog.SkipBadClaim, 1},
		{"a claim with a short ID", after(eventlog.Header{Epoch: 2}, &events.LogClaimed{ClaimId: []byte{1}}), eventlog.SkipBadClaim, 1},
		{"a batch cut short by the next", short, eventlog.SkipCutShort, 1},
		{"a header that stands twice", twice, eventlog.SkipBadHeader, 1},
		{"a malformed header", bad, eventlog.SkipBadHeader, 1},
		{"a record of no batch", []events.Record{{Value: []byte("x")}}, eventlog.SkipNoBatch, 1},
	} {
		log := memlog.New()
		end := after(eventlog.Header{Prev: history, Epoch: 1}, task("end"))
		for _, b := range [][]events.Record{begun, c.batch, end} {
			if _, err := log.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		counted, skips, _ := read(t, log)
		if len(counted) != 2 || counted[1].Offset != log.End()-1 || len(skips) != 1 || skips[c.why] != c.n {
			t.Errorf("%s: %d events count, skipped %v; want the claim and the last, and %d skipped as %v",
				c.name, len(counted), skips, c.n, c.why)
		}
	}
}

func TestTombstoneAndUnknownTypeCountAndFoldToNothing(t *testing.T) {
	t.Parallel()
	begun := sealed(t, eventlog.Header{Epoch: 1}, &events.LogClaimed{ClaimId: make([]byte, 16)})
	h := eventlog.Header{At: 1, Prev: eventlog.Hash(0, begun), Epoch: 1}
	batch := sealed(t, h, task("a"), task("b"), task("c"))
	batch[1].Value = nil
	batch[2].Headers[3].Value = []byte("spanway.task.invented.v9")
	h.Records, h.Hash = 3, eventlog.Hash(h.Prev, batch)
	batch[0].Headers[4].Value = h.Append(nil)
	log := memlog.New()
	_, _ = log.Append(t.Context(), begun)
	_, _ = log.Append(t.Context(), batch)
	counted, skips, r := read(t, log)
	if len(counted) != 4 || len(skips) != 0 || r.Judge().History != h.Hash {
		t.Fatalf("%d events count, skipped %v", len(counted), skips)
	}
	if counted[1].Message == nil || counted[2].Message != nil || counted[3].Message != nil || counted[3].N != 3 {
		t.Errorf("messages are %v, %v and %v, want one and two nil", counted[1].Message, counted[2].Message, counted[3].Message)
	}
}

func TestIncompleteBatchIsWaitedFor(t *testing.T) {
	t.Parallel()
	batch := sealed(t, eventlog.Header{Epoch: 1}, &events.LogClaimed{ClaimId: make([]byte, 16)})
	h := eventlog.Header{At: 1, Prev: eventlog.Hash(0, batch), Epoch: 1}
	two := sealed(t, h, task("a"), task("b"))
	log := memlog.New()
	_, _ = log.Append(t.Context(), append(batch, two[0]))
	counted, skips, r := read(t, log)
	if len(counted) != 1 || len(skips) != 0 || r.Position() != 1 || r.Next() != 2 {
		t.Errorf("%d events count, skipped %v, position %d, next %d; want 1, none, 1, 2", len(counted), skips, r.Position(), r.Next())
	}
	_, _ = log.Append(t.Context(), two[1:])
	if counted, _, r = read(t, log); len(counted) != 3 || r.Position() != 3 {
		t.Errorf("after its rest %d events count, position %d", len(counted), r.Position())
	}
}

// TestReadersAgree: whatever writers do and however the log comes in pages,
// every reader counts the same, in epochs that only grow and begin with a claim.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := anyLog(t)
		if len(records) == 0 {
			return
		}
		want := judgePages(t, records, func() int { return len(records) })
		got := judgePages(t, records, func() int { return rapid.IntRange(1, 5).Draw(t, "page") })
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("in pages %v count, at once %v", got, want)
		}
		for i, l := range want {
			switch {
			case i > 0 && (l.Epoch < want[i-1].Epoch || l.Offset <= want[i-1].Offset):
				t.Fatalf("epoch %d at %d counts after epoch %d at %d", l.Epoch, l.Offset, want[i-1].Epoch, want[i-1].Offset)
			case (l.Type == events.TypeLogClaimed) != (i == 0 || l.Epoch != want[i-1].Epoch):
				t.Fatalf("offset %d: an epoch must begin with its claim", l.Offset)
			}
		}
	})
}

// anyLog is what several writers, sound ones and broken ones, may leave.
func anyLog(t *rapid.T) []events.Record {
	var records []events.Record
	var sent [][]events.Record
	log := memlog.New()
	reader := eventlog.NewReader(log, topic, 0)
	judges := []eventlog.Judge{{}}
	for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
		// A writer knows the log as it was now or some time ago.
		j := judges[len(judges)-1-rapid.IntRange(0, min(3, len(judges)-1)).Draw(t, "age")]
		h := eventlog.Header{At: int64(len(records)), Prev: j.History, Epoch: j.Epoch}
		var batch []events.Record
		switch rapid.SampledFrom([]string{"claim", "batch", "batch", "batch", "again", "cut"}).Draw(t, "what") {
		case "claim":
			h.Epoch++
			batch = sealed(t, h, &events.LogClaimed{ClaimId: append(make([]byte, 15), byte(step))})
		case "batch":
			messages := make([]proto.Message, rapid.IntRange(1, 3).Draw(t, "size"))
			for i := range messages {
				messages[i] = task(fmt.Sprintf("%d.%d", step, i))
			}
			batch = sealed(t, h, messages...)
		case "again":
			if len(sent) > 0 {
				batch = rapid.SampledFrom(sent).Draw(t, "which")
			}
		case "cut":
			batch = sealed(t, h, task("x"), task("y"))[:1]
		}
		if len(batch) == 0 {
			continue
		}
		sent = append(sent, batch)
		_, _ = log.Append(t.Context(), batch)
		records = log.Records()
		if err := reader.Barrier(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		judges = append(judges, reader.Judge())
	}
	return records
}

func judgePages(t *rapid.T, records []events.Record, page func() int) []events.Logged {
	log := memlog.New()
	_, _ = log.Append(t.Context(), records)
	reader := eventlog.NewReader(log, topic, 0)
	var counted []events.Logged
	for reader.Next() < log.End() {
		log.PageRecords = page()
		err := reader.Poll(t.Context(), 0, func(l events.Logged, _ *events.Record) {
			l.Message = nil
			counted = append(counted, l)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return counted
}
