package calls_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/calls"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// seen are contents that accept what can be read, and note what they are told.
type seen struct{ told, verdicts []string }

func (s *seen) Within() bool {
	s.told = append(s.told, "within")
	return true
}

func (s *seen) Decide(_ [16]byte, at int64, m proto.Message) events.Code {
	s.told = append(s.told, fmt.Sprintf("%d", at))
	if m == nil {
		return events.CodeBadData
	}
	return ""
}

func (s *seen) Decided(call [16]byte, at int64, code events.Code) {
	s.verdicts = append(s.verdicts, fmt.Sprintf("%d of %d: %s", at, call[0], code))
}

func (s *seen) Pass(now, at int64) { s.told = append(s.told, fmt.Sprintf("%d is %dms", at, now)) }

// judge feeds records at their offsets and demands what the contents are told.
func judge(t *testing.T, records []events.Record, want ...string) chain.Report {
	t.Helper()
	s := &seen{}
	p := calls.NewPartition("G", "t", 0, chain.Options{}, s)
	for i := range records {
		p.Feed(&records[i])
	}
	if !slices.Equal(s.told, want) {
		t.Errorf("the contents were told %q; want %q", s.told, want)
	}
	return p.Report()
}

func record(t *testing.T, offset int64, call byte, seen int64, m proto.Message) events.Record {
	t.Helper()
	r, err := events.Encoder{Source: "/test"}.Encode("x", m)
	if err != nil {
		t.Fatal(err)
	}
	r.Offset = offset
	id := [16]byte{call}
	r.Headers = append(r.Headers,
		events.Header{Key: events.HeaderCall, Value: id[:]},
		events.Header{Key: events.HeaderSeen, Value: binary.BigEndian.AppendUint64(nil, uint64(seen))})
	return r
}

func passed(from, to int64) proto.Message { return &events.LogTimePassed{FromMs: from, ToMs: to} }

// The first record of a call decides, if it is not too late, and no other.
func TestWhichRecordsDecide(t *testing.T) {
	t.Parallel()
	done := &events.QueueDone{}
	twice := record(t, 7, 9, 0, done)
	twice.Headers = append(twice.Headers, twice.Headers[len(twice.Headers)-1])
	short := record(t, 8, 9, 0, done)
	short.Headers[len(short.Headers)-2].Value = []byte("short")
	unread := record(t, 9, 10, 0, done)
	unread.Value = []byte("\xff")
	r := judge(t, []events.Record{
		record(t, 0, 1, 0, done),
		record(t, 1, 1, 0, done),  // a copy
		record(t, 2, 2, 3, done),  // premature
		record(t, 3, 2, 3, done),  // decides all the same
		record(t, 4, 3, -1, done), // too late
		{Offset: 5, Value: []byte("x")}, twice, short, unread,
		record(t, calls.Horizon, 1, 0, done),   // still a copy
		record(t, calls.Horizon+1, 1, 0, done), // forgotten, and too late
		record(t, calls.Horizon+2, 3, calls.Horizon, done),
	}, "0", "3", "9", fmt.Sprint(calls.Horizon+2))
	want := map[string]int64{"copy": 2, "premature": 1, "too_late": 2, "no_call": 1, "bad_call": 2}
	for why, n := range want {
		if r.Skipped[why] != n {
			t.Errorf("%d are skipped as %s; want %d", r.Skipped[why], why, n)
		}
	}
	if r.Counted != 3 || r.Losses != 1 || r.Violations != 1 || r.Records != 12 {
		t.Errorf("the report is %+v", r)
	}
}

// Time moves from where it is, forward, by an hour at most.
func TestTime(t *testing.T) {
	t.Parallel()
	judge(t, []events.Record{
		record(t, 0, 1, 0, passed(1, 2)), record(t, 1, 2, 0, passed(0, 0)), record(t, 2, 3, 0, passed(0, 3_600_001)),
		record(t, 3, 4, 0, passed(0, -1)), record(t, 4, 5, 0, passed(0, 5)), record(t, 5, 6, 0, passed(0, 9)),
		record(t, 6, 7, 0, passed(5, 3_600_005)),
	}, "4 is 5ms", "6 is 3600005ms")
	judge(t, []events.Record{ // It had moved before the log begins.
		record(t, 4, 1, 0, passed(70, 80)), record(t, 5, 2, 0, passed(70, 90)), record(t, 6, 3, 0, passed(80, 90)),
	}, "within", "4 is 80ms", "6 is 90ms")
}

// Contents are told the verdict on each call, and a call ID that asks something else is
// found.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	s := &seen{}
	p := calls.NewPartition("G", "t", 0, chain.Options{}, s)
	unread := record(t, 5, 6, 0, &events.QueueDone{})
	unread.Value = []byte("\xff")
	for _, r := range []events.Record{
		record(t, 0, 1, 0, &events.QueueDone{}),
		record(t, 1, 2, -1, &events.QueueDone{}),
		record(t, 2, 3, 0, passed(0, 5)), record(t, 3, 4, 0, passed(0, 5)), record(t, 4, 5, 0, passed(5, 5)),
		unread,
		record(t, 6, 1, 0, &events.QueueDone{Token: 7}),
	} {
		p.Feed(&r)
	}
	want := []string{"0 of 1: ", "1 of 2: TOO_LATE", "2 of 3: ", "3 of 4: TIME_MOVED", "4 of 5: BAD_DATA", "5 of 6: BAD_DATA"}
	if !slices.Equal(s.verdicts, want) {
		t.Errorf("the verdicts are %q; want %q", s.verdicts, want)
	}
	if r := p.Report(); r.Violations != 1 || r.Findings[0].Rule != "G" || r.Findings[0].Offset != 6 || r.Skipped["copy"] != 1 {
		t.Errorf("the report is %+v", r)
	}
}

// Offsets that do not grow are a finding.
func TestOrder(t *testing.T) {
	t.Parallel()
	r := judge(t, []events.Record{{Offset: 0}, {Offset: 2}, {Offset: 1}})
	if r.Violations != 1 || r.Findings[0].Rule != chain.RuleLog || r.Findings[0].Offset != 1 {
		t.Errorf("the report is %+v", r)
	}
}
