// Package handmade writes owned logs record by record, as an owner would, or not:
// for tests of the judges of package verify. It is for tests only.
package handmade

import (
	"encoding/binary"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// The partition that a log of New is.
const (
	Topic     = "spanway.tasks.events"
	Partition = 3
)

// Log is one partition and what its owner knows of it.
type Log struct {
	t         testing.TB
	topic     string
	partition int32
	// Records that stand in the log, each at its index, after those that were dropped.
	Records []events.Record
	dropped int64
	// History, Epoch and the number N of the newest event, as the owner has them.
	History uint64
	Epoch   uint32
	N       int64
}

// New returns a log with the claim of its first owner.
func New(t testing.TB) *Log {
	t.Helper()
	return NewOf(t, Topic, Partition)
}

// NewOf is New for another partition.
func NewOf(t testing.TB, topic string, partition int32) *Log {
	t.Helper()
	l := &Log{t: t, topic: topic, partition: partition}
	l.Claim()
	return l
}

// Encode makes a record of an event.
func (l *Log) Encode(id string, m proto.Message) events.Record {
	l.t.Helper()
	r, err := events.Encoder{Source: "/spanway/test/scheduler"}.Encode(id, m)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// ID is that of the next event.
func (l *Log) ID() string {
	l.N++
	return fmt.Sprintf("%s/%d/%d/%d", l.topic, l.partition, l.Epoch, l.N)
}

// Link makes a batch of records: it gives the first one the header spanway-log.
func (l *Log) Link(prev, hash uint64, epoch uint32, records []events.Record) {
	b := binary.BigEndian.AppendUint64(nil, uint64(l.Next()))
	b = binary.BigEndian.AppendUint64(b, prev)
	b = binary.BigEndian.AppendUint64(b, hash)
	b = binary.BigEndian.AppendUint32(b, epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(len(records)))
	records[0].Headers = append(records[0].Headers, events.Header{Key: events.HeaderLog, Value: b})
}

// Next is the offset of the next record.
func (l *Log) Next() int64 { return l.dropped + int64(len(l.Records)) }

// Drop gives the records to see, and forgets them; the log goes on behind them.
func (l *Log) Drop(see func(*events.Record)) {
	for i := range l.Records {
		see(&l.Records[i])
	}
	l.dropped += int64(len(l.Records))
	l.Records = nil
}

// Land appends records as they are, each at the next offset.
func (l *Log) Land(records ...events.Record) {
	for _, r := range records {
		r.Offset = l.Next()
		l.Records = append(l.Records, r)
	}
}

// ClaimOf makes a claim of an epoch.
func (l *Log) ClaimOf(epoch uint32, owner string) []events.Record {
	l.t.Helper()
	id := []byte(fmt.Sprintf("%-16.16s", fmt.Sprintf("%s%d", owner, epoch)))
	records := []events.Record{l.Encode("claim", &events.LogClaimed{ClaimId: id, Owner: owner})}
	l.Link(l.History, chain.Hash(l.History, records), epoch, records)
	return records
}

// Claim begins the next epoch.
func (l *Log) Claim() {
	l.t.Helper()
	records := l.ClaimOf(l.Epoch+1, "a")
	l.Land(records...)
	l.History, l.Epoch, l.N = chain.Hash(l.History, records), l.Epoch+1, -1
}

// Made makes a batch of the current epoch on the current history.
func (l *Log) Made(messages ...proto.Message) []events.Record {
	l.t.Helper()
	var records []events.Record
	for _, m := range messages {
		records = append(records, l.Encode(l.ID(), m))
	}
	inputs := events.Header{Key: events.HeaderInputs, Value: []byte("spanway.tasks.requests/3@7")}
	records[0].Headers = append(records[0].Headers, inputs)
	l.Link(l.History, chain.Hash(l.History, records), l.Epoch, records)
	return records
}

// Batch appends a batch that counts.
func (l *Log) Batch(messages ...proto.Message) {
	l.t.Helper()
	records := l.Made(messages...)
	l.Land(records...)
	l.History = chain.Hash(l.History, records)
}

// Rebase has a batch name another history.
func Rebase(records []events.Record, prev uint64) {
	for _, h := range records[0].Headers {
		if h.Key == events.HeaderLog {
			binary.BigEndian.PutUint64(h.Value[8:], prev)
		}
	}
}
