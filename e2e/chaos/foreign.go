package chaos

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// envelope is a record of JSON that says of itself what headers say, in pairs.
func envelope(value string, headers ...string) events.Record {
	all := append([]string{"ce_specversion", "1.0", "ce_id", "x", "ce_source", "/foreign", "content-type", "application/json"}, headers...)
	r := events.Record{Key: []byte("default"), Value: []byte(value)}
	for i := 0; i < len(all); i += 2 {
		r.Headers = append(r.Headers, events.Header{Key: all[i], Value: []byte(all[i+1])})
	}
	return r
}

// malformed is a request that names no task, or not well enough.
func (p *Plan) malformed() Request {
	requested := string(events.TypeTaskRequested)
	all := []events.Record{
		p.garbage(),
		envelope("\xff\xfe{", "ce_type", requested),
		envelope(`{"taskId":`, "ce_type", requested),
		envelope(`{"taskId":"a\ud800b","kind":"noop"}`, "ce_type", requested),
		envelope(`{}`, "ce_type", "com.example.thing.v1"),
		envelope(`{}`, "ce_type", "\xff\x00"),
		envelope(`{"kind":"noop","needs":{"slots":-1}}`, "ce_type", requested),
		envelope(`{"kind":"noop","predicate":"engine.labels.gpu >"}`, "ce_type", requested),
		envelope(`{"kind":"noop","colour":"red"}`, "ce_type", requested),
		{Key: []byte("default")},
	}
	pool := Pools()[p.random.IntN(len(Pools()))]
	r := all[p.random.IntN(len(all))]
	r.Key = []byte(pool)
	return Request{Partition: events.PoolPartition(pool), Record: r}
}

func (p *Plan) garbage() events.Record {
	b := make([]byte, p.random.IntN(200))
	for i := range b {
		b[i] = byte(p.random.Uint32())
	}
	return events.Record{Key: b[:len(b)/2], Value: b, Headers: []events.Header{{Key: "ce_type", Value: b}, {Key: "\xff", Value: nil}}}
}

// Foreign is a record for any topic that no producer of a request writes.
type Foreign struct {
	Topic     string
	Partition int32
	Record    events.Record
	// What it is, for the log of the run.
	What string
}

// Foreign makes a record that nothing of the product writes. epoch is the current one
// of the log of a pool, for claims.
func (p *Plan) Foreign(pool events.Pool, epoch uint32) (Foreign, error) {
	partition := events.PoolPartition(pool)
	engine := fmt.Sprint("fleet-", p.random.IntN(4), "-", p.random.IntN(6))
	forged := func(what, topic string, m proto.Message, extra ...events.Header) (Foreign, error) {
		r, err := events.Encoder{Source: "/foreign"}.Encode(fmt.Sprint("forged-", p.random.Uint64()), m, extra...)
		r.Key = []byte(pool)
		return Foreign{topic, partition, r, what}, err
	}
	switch p.random.IntN(9) {
	case 0:
		return forged("a heartbeat of no engine", p.topics.Reports(), &events.EngineHeartbeat{EngineId: "ghost", Incarnation: "none", Pool: string(pool), Running: []uint64{1, 2}})
	case 1:
		return forged("a heartbeat of another life of an engine", p.topics.Reports(), &events.EngineHeartbeat{EngineId: engine, Incarnation: "none", Pool: string(pool), AssignmentsNext: math.MaxInt64})
	case 2:
		return forged("a result of no attempt", p.topics.Reports(), &events.AttemptFinished{
			TaskId: p.last.TaskID, Pool: string(pool), EngineId: engine, Incarnation: "none", Attempt: 1, Token: uint64(p.random.Uint32()), Outcome: events.AttemptFinished_SUCCEEDED})
	case 3:
		claim := make([]byte, 16)
		binary.NativeEndian.PutUint64(claim, p.random.Uint64())
		head := make([]byte, 32)
		binary.BigEndian.PutUint32(head[24:], epoch+1)
		binary.BigEndian.PutUint32(head[28:], 1)
		r, err := events.Encoder{Source: "/foreign"}.Encode(fmt.Sprintf("%s/%d/%d/0", p.topics.Events(), partition, epoch+1),
			&events.LogClaimed{ClaimId: claim, Owner: "foreign"}, events.Header{Key: events.HeaderLog, Value: head})
		return Foreign{p.topics.Events(), partition, r, fmt.Sprint("a claim of epoch ", epoch+1)}, err
	case 4:
		r := envelope(`{}`, "ce_type", string(events.TypeTaskSucceeded), events.HeaderLog, "short")
		return Foreign{p.topics.Events(), partition, r, "an event with a bad header"}, nil
	case 5:
		return forged("a heartbeat that has read an epoch which is not", p.topics.Reports(), &events.EngineHeartbeat{
			EngineId: engine, Incarnation: "none", Pool: string(pool), ReceivedEpoch: math.MaxUint32 - 1, ReceivedN: 5})
	case 6:
		f, err := forged("a copy of an event of an epoch which is not", p.topics.Assignments(), &events.TaskCancelled{TaskId: p.last.TaskID, Pool: string(pool)},
			events.Header{Key: events.HeaderFrom, Value: fmt.Appendf(nil, "%s/%d/%d/5", p.topics.Events(), partition, uint32(math.MaxUint32-1))})
		f.Partition, f.Record.Key = events.EnginePartition(events.EngineID(engine)), []byte(engine)
		return f, err
	}
	of := []string{p.topics.Events(), p.topics.Reports(), p.topics.Assignments(), events.Snapshots(p.topics.Events())}
	return Foreign{of[p.random.IntN(len(of))], partition, p.garbage(), "garbage"}, nil
}
