package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// followed is an event as examples/producers/python/follow.py prints it.
type followed struct {
	Partition int32
	Offset    int64
	Type      string
	Data      map[string]any
}

// A reader in another language finds the same events to count, and reads the
// same in them, as ours: on a log with whatever a zombie or a stranger appended,
// written as protobuf by one owner and as JSON by the next, under several leaders,
// and with its beginning deleted.
func TestApacheConsumer(t *testing.T) {
	python := languages()[0]
	python.require(t)
	s := newSystem(t, onApache)
	s.engineProcess("e", "--json")
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	defer k.Close()
	topic, at := events.Topics{Prefix: s.prefix}.Events(), events.PoolPartition(events.DefaultPool)
	strangers := 0
	for _, args := range [][]string{nil, {"--json"}} {
		owner := s.scheduler(args...)
		s.do(t)
		strangers += appendStrangers(t, s, k.Partition(topic, at))
		s.do(t)
		term(owner)
		owner.wait(patience)
		usurp(t, s, k.Partition(topic, at))
		s.broker.Kill() // The next leader has another epoch: has it all that was read?
		s.broker.Start()
	}
	ours := s.tail()
	skipped, usurped := 0, 0
	var begin int64 // of the second owner: a claim that landed where it was expected
	for _, r := range ours {
		switch {
		case !*r.Counts:
			skipped++
		case r.Headers[events.HeaderSource] == "/stranger":
			usurped++
		case r.Partition == at && r.Headers[events.HeaderType] == string(events.TypeLogClaimed) && parseMark(t, r.Headers[events.HeaderLog]).At == r.Offset:
			begin = r.Offset
		}
	}
	if skipped < strangers || usurped != 4 || begin == 0 {
		t.Fatalf("%d records do not count, %d of a usurper do, and the second owner begins at %d; want at least %d, 4, and an owner", skipped, usurped, begin, strangers)
	}
	s.follows(t, ours)

	if err := k.DeleteRecords(t.Context(), topic, at, begin); err != nil {
		t.Fatal(err)
	}
	s.follows(t, s.tail())
	if out, _, code := s.run(exec.Command(s.binary, "log", "show", "tasks.events", "-o", "json")); code != 0 || strings.Count(out, `"start":0`) != int(events.PoolPartitions)-1 {
		t.Errorf("one beginning was to be deleted; log show ends with %d: %s", code, out)
	}
}

// do has a few tasks done.
func (s *system) do(t *testing.T) {
	t.Helper()
	for range 3 {
		if _, err := s.client.Do(t.Context(), client.Task{Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
}

// follows runs the example to the end of the log and compares.
func (s *system) follows(t *testing.T, ours []tailed) {
	t.Helper()
	cmd := exec.Command(".venv/bin/python", "follow.py", "--to-end")
	cmd.Dir = producers + "/python"
	out, log, code := s.run(cmd)
	if code != 0 {
		t.Fatalf("follow.py ends with %d: %s", code, log)
	}
	theirs := map[int32][]followed{}
	for line := range strings.Lines(out) {
		var f followed
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("follow.py prints %s: %v", line, err)
		}
		theirs[f.Partition] = append(theirs[f.Partition], f)
	}
	want, n := map[int32][]followed{}, 0
	for _, r := range ours {
		if *r.Counts {
			want[r.Partition] = append(want[r.Partition], followed{r.Partition, r.Offset, r.Headers[events.HeaderType], r.Data})
			n++
		}
	}
	for p := range events.PoolPartitions {
		if !reflect.DeepEqual(theirs[p], want[p]) {
			t.Errorf("partition %d: follow.py reads\n%v\nand counting are\n%v", p, theirs[p], want[p])
		}
	}
	t.Logf("%d of %d records count, for both", n, len(ours))
}

// appendStrangers appends what must not count, and returns how many records.
func appendStrangers(t *testing.T, s *system, log *kafka.Partition) int {
	t.Helper()
	newest := s.newest(t, events.DefaultPool)
	const end, claim, short = `{"taskId":"t","pool":"default"}`, `{"claimId":"MDEyMzQ1Njc4OWFiY2RlZg=="}`, `{"claimId":"MDE="}`
	h := func(prev uint64, epoch, records uint32) eventlog.Header {
		return eventlog.Header{At: newest.At, Prev: prev, Hash: 7, Epoch: epoch, Records: records}
	}
	twice := stranger(h(newest.Hash, newest.Epoch, 1), end)
	twice[0].Headers = append(twice[0].Headers, twice[0].Headers[len(twice[0].Headers)-1])
	loose := stranger(h(0, 0, 1), end)
	loose[0].Headers = loose[0].Headers[:len(loose[0].Headers)-1]
	n := 0
	for _, records := range [][]events.Record{
		stranger(h(newest.Prev, newest.Epoch, 2), end, end), // a zombie's, on a history that is over
		stranger(h(newest.Hash, newest.Epoch-1, 1), end),    // of an epoch that is over
		stranger(h(newest.Hash, newest.Epoch, 3), end, end), // torn
		twice, // two headers on one record
		loose, // of no batch
		stranger(h(newest.Hash, newest.Epoch, 0), end),          // of no records
		stranger(h(newest.Hash, newest.Epoch+2, 1), claim),      // not the next epoch
		stranger(h(newest.Hash, newest.Epoch+1, 2), claim, end), // a claim among others
		stranger(h(newest.Hash, newest.Epoch+1, 1), short),      // a claim ID of two bytes
	} {
		if _, err := log.Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		n += len(records)
	}
	return n
}

// usurp claims a log that nobody owns, expecting another history than there is,
// and writes one batch: both count.
func usurp(t *testing.T, s *system, log *kafka.Partition) {
	t.Helper()
	newest := s.newest(t, events.DefaultPool)
	h := eventlog.Header{Prev: 7, Hash: 7, Epoch: newest.Epoch + 1, Records: 1}
	claim := stranger(h, `{"claimId":"MDEyMzQ1Njc4OWFiY2RlZg=="}`)
	h.Prev = eventlog.Hash(newest.Hash, claim)
	end := stranger(h, `{"taskId":"t","pool":"default"}`)
	for _, records := range [][]events.Record{claim, end} {
		if _, err := log.Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
}

// newest is the header of a pool's newest batch that counts.
func (s *system) newest(t *testing.T, pool events.Pool) (newest eventlog.Header) {
	t.Helper()
	for _, r := range s.tail() {
		if mark := r.Headers[events.HeaderLog]; *r.Counts && mark != "" && r.Partition == events.PoolPartition(pool) {
			newest = parseMark(t, mark)
		}
	}
	return newest
}

// stranger makes a batch as somebody who is not the owner might.
func stranger(h eventlog.Header, messages ...string) []events.Record {
	var records []events.Record
	for i, data := range messages {
		typ := events.TypeTaskSucceeded
		if strings.Contains(data, "claimId") {
			typ = events.TypeLogClaimed
		}
		r := events.Record{Value: []byte(data), Headers: []events.Header{
			{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("stranger")},
			{Key: events.HeaderSource, Value: []byte("/stranger")}, {Key: events.HeaderType, Value: []byte(typ)},
			{Key: events.HeaderContentType, Value: []byte(events.ContentJSON)},
		}}
		if i == 0 {
			r.Headers = append(r.Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
		}
		records = append(records, r)
	}
	return records
}

// parseMark reads the header of a batch as log tail prints it.
func parseMark(t *testing.T, text string) eventlog.Header {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	h, err := eventlog.ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A consumer that had read what a log lost with its tail begins anew. It needs no broker,
// but what the tests of the examples install (make producers-install).
func TestApacheConsumerBeyondALostTail(t *testing.T) {
	languages()[0].require(t)
	cmd := exec.Command(".venv/bin/python", "-m", "unittest", "-q")
	cmd.Dir = producers + "/python"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
