package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// A log that breaks a guarantee, in a batch that counts, is found out.
func TestVerifyFindsASecondResult(t *testing.T) {
	s := start(t, 1)
	if _, stderr, code := call(t.Context(), "", "task", "submit", "-k", "noop", "--id", "one", "--wait", "--brokers", s.Brokers()[0]); code != exitDone {
		t.Fatalf("task submit ends with %d: %s", code, stderr)
	}
	appendEvent(t, s.Brokers(), &events.TaskSucceeded{
		TaskId: "one", Pool: string(events.DefaultPool), EngineId: "local-1", Attempt: 1, Token: 1, AtMs: 1,
	})
	out, stderr, code := call(t.Context(), "", "verify", "--brokers", s.Brokers()[0])
	if code != exitRefused || !strings.Contains(stderr, "GUARANTEE_BROKEN: 1 violation") || !strings.Contains(out, "G2") || !strings.Contains(out, " one ") {
		t.Errorf("verify ends with %d and prints\n%s%s\nwant a violation of G2 by task one", code, out, stderr)
	}
	out, _, code = call(t.Context(), "", "verify", "-o", "json", "--brokers", s.Brokers()[0])
	var report struct{ Violations int }
	if err := json.Unmarshal([]byte(out), &report); code != exitRefused || err != nil || report.Violations != 1 {
		t.Errorf("verify -o json ends with %d and prints %s (%v)", code, out, err)
	}
}

// appendEvent forges a batch of one event that counts: decided on the whole log,
// in the epoch of its owner. If the owner comes first it tries again.
func appendEvent(t *testing.T, brokers []string, m interface {
	proto.Message
	GetPool() string
}) {
	t.Helper()
	k := kafka.New(kafka.Config{Brokers: brokers})
	defer k.Close()
	topic, partition := events.Topics{Prefix: events.DefaultPrefix}.Events(), events.PoolPartition(events.Pool(m.GetPool()))
	log := k.Partition(topic, partition)
	for range 20 {
		r := eventlog.NewReader(log, topic, partition)
		next := uint32(0)
		if err := r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) { next = l.N + 1 }); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("%s/%d/%d/%d", topic, partition, r.Judge().Epoch, next)
		record, err := events.Encoder{Source: "/forger"}.Encode(id, m)
		if err != nil {
			t.Fatal(err)
		}
		record.Headers = append(record.Headers, events.Header{Key: events.HeaderInputs, Value: r.Inputs().Append(nil)})
		batch := []events.Record{record}
		h := eventlog.Header{At: r.Position(), Prev: r.Judge().History, Epoch: r.Judge().Epoch, Records: 1}
		h.Hash = eventlog.Hash(h.Prev, batch)
		batch[0].Headers = append(batch[0].Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
		base, err := log.Append(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if base == h.At {
			return
		}
	}
	t.Fatal("the owner was always first")
}
