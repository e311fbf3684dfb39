package events

import "google.golang.org/protobuf/proto"

// Logged is an event at its place in a log that judges itself.
type Logged struct {
	// Offset in the log. While a decision is tentative: the offset it will have.
	Offset int64
	// Epoch and N identify it: N is the running number of the event in its epoch.
	Epoch uint32
	N     uint32
	Type  Type
	// Message is nil for a type that is not known here, and must then be ignored.
	Message proto.Message
	// Call is set in a shared log, where Epoch and N are 0. It is valid during the call
	// that it is given to.
	Call *Called
}

// Called is what the headers of a record in a shared log say.
type Called struct {
	// ID tells one call from all others.
	ID [16]byte
	// Seen is the offset below which the writer had folded the log.
	Seen int64
}

// Place is a position in a partition of a topic.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Input is one record that the owner of a log decides on.
type Input[I any] struct {
	Place
	// Value is what was made of the record before, outside of the owner's loop: all
	// that can be known without the state.
	Value I
	// Again says that it may have been decided before: its input has lost its tail, and
	// nobody knows which records of what is left came since.
	Again bool
}

// Clock is the time as far as a decision may know it, in milliseconds since
// the Unix epoch.
type Clock struct {
	Now int64
	// ReadTo: every input appended before this time has been decided on. What
	// depends on somebody's silence must be measured against it, never Now.
	ReadTo int64
	// Batch is the offset at which the batch of this decision is expected to begin;
	// 0: not known. The batch may land at a later one, so what stands in it is best
	// not referred to by its offset.
	Batch int64
}

// Outgoing is a record that a counted event causes on another topic.
type Outgoing struct {
	Topic     string
	Partition int32
	Key       []byte
	// Message is encoded under the event's own ID. If Raw is set it is sent
	// instead, as it is.
	Message proto.Message
	Raw     *Record
	// Headers are added to the encoded message's.
	Headers []Header
	// Missing, if not 0, is the offset of an event of the log that Complete must
	// be given before Message is encoded: the core keeps no payloads that stand
	// in the log. (At 0 stands a claim, so it is never meant.) If the log holds it no
	// more, or Complete says that it is another one, the record is not sent, and
	// Gone, if set, is called.
	Missing  int64
	Complete func(m proto.Message) error
	Gone     func()
}
