package events

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Decoding by hand. Every task has one of each of the messages below, or several, and every
// entry of a queue those of queues. They are read here field by field, which does what proto.Unmarshal does but for one thing:
// names that are in every record, such as that of the pool, become the same string again
// instead of a new one. The generated code cannot do that.
//
// The reason is memory: an assignment takes 4 allocations instead of 11 (BenchmarkByHand),
// a whole task with all its events 53 instead of 64, and half a microsecond less, most of
// it the collector's (docs/benchmarks.md, "names in messages are the same string again").
// FuzzByHand compares what is read here with what the generated code reads.
//
// Whatever is not read here, or is not as it should be, is left to protobuf itself, which
// reads a message in pieces just as well as in one.

// unmarshal is proto.Unmarshal into an empty message.
func unmarshal(data []byte, m proto.Message) error {
	switch m := m.(type) {
	case *TaskRequested:
		return eachField(data, m, m.byHand)
	case *TaskAccepted:
		return eachField(data, m, m.byHand)
	case *TaskAssigned:
		return eachField(data, m, m.byHand)
	case *AttemptFinished:
		return eachField(data, m, m.byHand)
	case *TaskSucceeded:
		return eachField(data, m, m.byHand)
	case *QueueEnqueued:
		return eachField(data, m, m.byHand)
	case *QueueDone:
		return eachField(data, m, m.byHand)
	}
	return proto.Unmarshal(data, m)
}

// field is one of a message: its number, eight times and with its wire type added
// as protobuf writes it, and its value.
type field struct {
	tag   uint64
	n     uint64 // of a varint, or of 64 bits
	bytes []byte // of what has a length
}

const (
	varint  = uint64(protowire.VarintType)
	fixed64 = uint64(protowire.Fixed64Type)
	length  = uint64(protowire.BytesType)
)

var merge = proto.UnmarshalOptions{Merge: true}

// eachField reads data into m. What take does not want is protobuf's.
func eachField(data []byte, m proto.Message, take func(field) bool) error {
	for len(data) > 0 {
		f, n := readField(data)
		if n < 0 {
			return merge.Unmarshal(data, m)
		}
		if !take(f) {
			if err := merge.Unmarshal(data[:n], m); err != nil {
				return err
			}
		}
		data = data[n:]
	}
	return nil
}

// readField reads one field, and says how many bytes it has; below 0: it is none
// that is read here.
func readField(data []byte) (f field, size int) {
	tag, at := protowire.ConsumeVarint(data)
	if at < 0 {
		return f, -1
	}
	f.tag = tag
	n := -1
	switch tag & 7 {
	case varint:
		f.n, n = protowire.ConsumeVarint(data[at:])
	case fixed64:
		f.n, n = protowire.ConsumeFixed64(data[at:])
	case length:
		f.bytes, n = protowire.ConsumeBytes(data[at:])
	}
	if n < 0 {
		return f, -1
	}
	return f, at + n
}

// text is for what is different in each record.
func (f field) text(to *string) bool {
	if !utf8.Valid(f.bytes) {
		return false
	}
	*to = string(f.bytes)
	return true
}

// name is for what is in many records.
func (f field) name(to *string) bool {
	if !utf8.Valid(f.bytes) {
		return false
	}
	*to = repeated(f.bytes)
	return true
}

// data is a copy: a record must not keep alive what came with it.
func (f field) data(to *[]byte) bool {
	*to = append([]byte(nil), f.bytes...)
	return true
}

func (f field) int64(to *int64) bool {
	*to = int64(f.n)
	return true
}

func (f field) int32(to *int32) bool {
	*to = int32(f.n)
	return true
}

func (f field) uint64(to *uint64) bool {
	*to = f.n
	return true
}

// task reads a task; id is what it is probably called. A second one within a
// message is protobuf's to merge.
func (f field) task(to **Task, id string) bool {
	if *to != nil {
		return false
	}
	t := &Task{}
	err := eachField(f.bytes, t, func(f field) bool {
		if f.tag == 1<<3|length && string(f.bytes) == id {
			t.Id = id
			return true
		}
		return t.byHand(f)
	})
	if err != nil {
		return false // protobuf says it again.
	}
	*to = t
	return true
}

func (x *TaskRequested) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.TaskId)
	case 2<<3 | length:
		return f.name(&x.Pool)
	case 3<<3 | length:
		return f.name(&x.Kind)
	case 4<<3 | length:
		return f.data(&x.Payload)
	case 6<<3 | length:
		return f.name(&x.PayloadType)
	case 7<<3 | length:
		return f.name(&x.Predicate)
	case 11<<3 | length:
		return f.name(&x.Tenant)
	case 13<<3 | length:
		return f.name(&x.ScheduleTimeout)
	case 14<<3 | length:
		return f.name(&x.ExecutionTimeout)
	}
	return false
}

func (x *Task) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.Id)
	case 2<<3 | length:
		return f.name(&x.Pool)
	case 3<<3 | length:
		return f.name(&x.Kind)
	case 4<<3 | length:
		return f.data(&x.Payload)
	case 5<<3 | length:
		return f.name(&x.PayloadType)
	case 6<<3 | length:
		return f.name(&x.Predicate)
	case 8<<3 | varint:
		return f.int32(&x.Priority)
	case 9<<3 | length:
		return f.name(&x.Tenant)
	case 10<<3 | varint:
		return f.int64(&x.ScheduleTimeoutMs)
	case 11<<3 | varint:
		return f.int64(&x.ExecutionTimeoutMs)
	case 14<<3 | length:
		return f.text(&x.Traceparent)
	}
	return false
}

func (x *TaskAccepted) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.task(&x.Task, "")
	case 15<<3 | varint:
		return f.int64(&x.AtMs)
	}
	return false
}

func (x *TaskAssigned) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.TaskId)
	case 2<<3 | length:
		return f.name(&x.Pool)
	case 3<<3 | length:
		return f.name(&x.EngineId)
	case 4<<3 | length:
		return f.name(&x.Incarnation)
	case 5<<3 | varint:
		return f.int32(&x.Attempt)
	case 6<<3 | varint:
		return f.uint64(&x.Token)
	case 7<<3 | varint:
		return f.int64(&x.View)
	case 8<<3 | length:
		return f.task(&x.Task, x.TaskId)
	case 15<<3 | varint:
		return f.int64(&x.AtMs)
	}
	return false
}

func (x *AttemptFinished) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.TaskId)
	case 2<<3 | length:
		return f.name(&x.Pool)
	case 3<<3 | length:
		return f.name(&x.EngineId)
	case 4<<3 | length:
		return f.name(&x.Incarnation)
	case 5<<3 | varint:
		return f.int32(&x.Attempt)
	case 6<<3 | varint:
		return f.uint64(&x.Token)
	case 7<<3 | varint:
		x.Outcome = AttemptFinished_Outcome(f.n)
		return true
	case 8<<3 | length:
		return f.data(&x.Result)
	case 9<<3 | length:
		return f.name(&x.ResultType)
	}
	return false
}

func (x *TaskSucceeded) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.TaskId)
	case 2<<3 | length:
		return f.name(&x.Pool)
	case 3<<3 | length:
		return f.name(&x.EngineId)
	case 4<<3 | varint:
		return f.int32(&x.Attempt)
	case 5<<3 | varint:
		return f.uint64(&x.Token)
	case 6<<3 | length:
		return f.data(&x.Result)
	case 7<<3 | length:
		return f.name(&x.ResultType)
	case 15<<3 | varint:
		return f.int64(&x.AtMs)
	}
	return false
}

func (x *QueueEnqueued) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.Id)
	case 2<<3 | length:
		return f.data(&x.Payload)
	case 3<<3 | length:
		return f.name(&x.PayloadType)
	case 14<<3 | fixed64:
		return f.uint64(&x.Creation)
	case 15<<3 | varint:
		return f.int64(&x.AtMs)
	}
	return false
}

func (x *QueueDone) byHand(f field) bool {
	switch f.tag {
	case 1<<3 | length:
		return f.text(&x.Id)
	case 2<<3 | varint:
		return f.int64(&x.Token)
	case 14<<3 | fixed64:
		return f.uint64(&x.Creation)
	case 15<<3 | varint:
		return f.int64(&x.AtMs)
	}
	return false
}
