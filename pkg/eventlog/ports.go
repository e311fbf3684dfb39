package eventlog

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Core is the pure core of an owner: a fold of its log, and decisions on it. It
// folds what it has just emitted at once, before it is known to count. I is what
// it decides on: what was made of a record outside of the owner's loop.
type Core[I any] interface {
	Fold
	// Decide emits the events that an input causes. now.ReadTo is what had been
	// read before this input. emit gives the event its place in the log,
	// applies it to the core before it returns, and encodes it at once: what is
	// emitted must not be changed afterwards.
	Decide(in events.Input[I], now events.Clock, emit func(proto.Message))
	// Advance emits what time and folded state cause, a bounded amount (about
	// 2,000 events, some milliseconds of work). more: something is left, and Advance
	// is to be called again: at once if the batch has room and the round has time, else
	// once this much has been appended. A call that returns more has come closer to
	// the end; if it has not, the owner never waits.
	Advance(now events.Clock, emit func(proto.Message)) (more bool)
	// Publish gives send each record that an event which counts causes on other
	// topics, built from the state: none, or none any more, or several. It is asked
	// again about events that a predecessor may not have published. What is sent
	// must not be changed afterwards.
	//
	// Messages are sent under the ID of their event, and receivers drop by its
	// (epoch, n) what they have seen: of two messages of one event on one partition
	// they would take the first only. So an event causes at most one on a
	// partition; the owner sends none of it and stops with an error if there are
	// more, and a mended core publishes it. Raw records have IDs of their own, and
	// any number of them may go to one partition.
	Publish(l events.Logged, send func(events.Outgoing))
}

// Timed is a Core that says when Advance has something to do, so that its owner need not
// ask it every IdleWait.
type Timed interface {
	// Wakes is when that is if nothing arrives: once the clock has reached now, or once
	// ReadTo has passed readTo, in milliseconds since the Unix epoch; math.MaxInt64 if
	// never. It is asked after an Advance that left nothing. A time that has passed means
	// that nobody knows, and the core is asked every IdleWait.
	Wakes() (now, readTo int64)
}

// Inputs is where an owner's inputs come from.
type Inputs[I any] interface {
	// Seek says from where on to read; a partition that is not named is read
	// from its beginning. What was read before is void.
	Seek(map[TopicPartition]int64)
	// Next returns what has arrived, at most about 1 MiB of records; it waits
	// that long for something to arrive.
	Next(ctx context.Context, wait Wait) (Arrivals[I], error)
}

// Wait says how an owner waits for inputs; the zero Wait does not wait.
type Wait struct {
	// For is how long at most.
	For time.Duration
	// Silence is from when on (milliseconds since the Unix epoch) the owner has to know
	// soon that nothing came: until then ReadTo may stand still. math.MaxInt64: never.
	Silence int64
}

// Arrivals are inputs in the order in which they are decided.
type Arrivals[I any] struct {
	Inputs []events.Input[I]
	// ReadTo: once these are decided, every input that was appended before this
	// time (milliseconds since the Unix epoch) has been. 0: not known yet.
	ReadTo int64
}

// Outbox publishes what counted events cause. It sends in order per partition,
// and nothing after a record that it could not send. It never blocks: of a partition
// that takes nothing it bounds what it holds, and the owner holds back the rest.
type Outbox interface {
	// Room tells whether records for a partition can be sent now.
	Room(topic string, partition int32) bool
	// Send queues a record caused by the event at that offset of the log. Offsets
	// never fall in one partition. It is called where there is room; what one event
	// causes on a partition is sent even if there is no more after the first of it.
	Send(offset int64, topic string, partition int32, rec events.Record)
	// Through returns the offset, at most limit, below which everything that
	// was caused and sent has been acknowledged.
	Through(limit int64) int64
	// Reset forgets what is queued.
	Reset()
}

// Hooks tell the shell what happens, for metrics and readiness. Each may be
// nil. All are called in the owner's goroutine and must not block.
type Hooks[I any] struct {
	// Owned: the claim counts and the core is at the fold.
	Owned func(epoch uint32, core Core[I])
	// Disowned: Owned no longer holds, for that reason.
	Disowned func(err error)
	// Observe is called now and then while owned, when everything in the core
	// is known to count; the core may be looked at until it returns.
	Observe func(core Core[I])
	// Claimed: a claim was appended, whether or not it counts.
	Claimed func()
	// Appended: a batch counts.
	Appended func(events, bytes int)
	// Counted is given the events of a batch of this owner that counts, once each,
	// before any of them is published; what was folded from the log never comes here.
	// The core has folded all of them. The slice must not be kept.
	Counted func(core Core[I], batch []events.Logged)
	// Skipped: records in the log do not count.
	Skipped func(why Skip, records int)
	// HeldBack: nothing is sent to a partition from now on, because it has no room; or
	// what was held back was sent.
	HeldBack func(to TopicPartition, held bool)
	// Lost: records that were acknowledged are gone from the log.
	Lost func(err error)
	// Restored: the fold began at that snapshot instead of at 0.
	Restored func(m *events.LogSnapshot)
	// BadSnapshot: a snapshot cannot be used, for that reason; m may be nil.
	BadSnapshot func(m *events.LogSnapshot, err error)
	// Kept: a job of the Keeper ended.
	Kept func(Outcome)
}
