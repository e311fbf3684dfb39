package watermillkafka

import (
	"errors"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
)

// Start is where a subscription begins in a partition for which its group has
// committed nothing.
type Start int

const (
	// Oldest begins with the first record that the partition still has. It is the
	// default, because it misses nothing.
	Oldest Start = iota
	// Newest begins with what is published from then on. Partitions that are
	// added later are read from their first record all the same.
	Newest
)

// OutOfRange is what to do when the offset to go on from is not in the partition
// any more, or not yet: records were deleted before they were read, or the
// partition lost its end.
type OutOfRange int

const (
	// StopOutOfRange logs an error, and ends the subscription and its channel.
	StopOutOfRange OutOfRange = iota
	// GoOnAtOldest logs an error and goes on with the first record there is.
	GoOnAtOldest
	// GoOnAtNewest logs an error and goes on with what is published from now on.
	GoOnAtNewest
)

// Undecodable is what to do with a record that the Unmarshaler refuses. The zero
// value logs an error, and ends the subscription and its channel.
type Undecodable struct {
	skip       bool
	deadLetter string
}

// SkipUndecodable logs an error and goes on behind the record.
func SkipUndecodable() Undecodable { return Undecodable{skip: true} }

// DeadLetterUndecodable appends the record, as it is, to a topic that must
// exist, with headers that tell where it came from and why (see the constants
// that begin with Poisoned), and goes on behind it once that is acknowledged.
func DeadLetterUndecodable(topic string) Undecodable { return Undecodable{deadLetter: topic} }

// TopicDetails are how SubscribeInitialize creates a topic.
type TopicDetails struct {
	Partitions int32
	// Config holds settings as the broker names them, such as "retention.ms".
	Config map[string]string
}

// Hooks are called as partitions come and go. They must return soon, because
// the group waits for them; those of one subscription come one at a time.
type Hooks struct {
	// Joined is called when the subscription has its share of the partitions, perhaps none,
	// for the first time or anew.
	Joined func(topic string, partitions []int32)
	// Assigned is called before the first message of the partitions.
	Assigned func(topic string, partitions []int32)
	// Revoked is called after the last message of the partitions was handed out,
	// and what was acknowledged in time is committed.
	Revoked func(topic string, partitions []int32)
	// Committed is called after each commit of the group: everything below the offset
	// is acknowledged, or was set aside, and does not come again.
	Committed func(topic string, partition int32, offset int64)
	// Failed is called once when a subscription ends by itself, and says why: no more messages
	// come then.
	Failed func(topic string, err error)
}

// NoSleep is for SubscriberConfig.NackResendSleep: resend at once.
const NoSleep time.Duration = -1

// SubscriberConfig configures a Subscriber. Only Brokers or Cluster must be set.
type SubscriberConfig struct {
	// Brokers are the addresses, host:port, of one or more brokers to begin with.
	Brokers []string
	// Cluster is how the brokers are reached, in place of Brokers: over TLS, for
	// example. The Subscriber has connections of its own and does not close it.
	Cluster *cluster.Cluster
	// ConsumerGroup shares the partitions of a topic out among its members. If it
	// is empty, every subscription gets every message and commits nothing.
	ConsumerGroup string
	// Unmarshaler makes messages of records; DefaultMarshaler if nil.
	Unmarshaler Unmarshaler
	// Start is where to begin where nothing is committed.
	Start Start
	// OutOfRange is what to do when the offset to go on from does not exist.
	OutOfRange OutOfRange
	// Undecodable is what to do with what the Unmarshaler refuses.
	Undecodable Undecodable
	// InFlight is how many messages of one partition may be handed out and not
	// acknowledged; 1 if 0. With more, a message that is sent again comes after
	// those that followed it, but for messages of its key: of equal keys one is
	// handed out at a time, in order.
	InFlight int
	// NackResendSleep is the pause before a refused message is handed out again;
	// 100 ms if 0, none if NoSleep.
	NackResendSleep time.Duration
	// CloseTimeout bounds Close, which waits that long for messages that are
	// handed out to be acknowledged; 5 s if 0.
	CloseTimeout time.Duration
	// InitializeTopic is how SubscribeInitialize creates topics.
	InitializeTopic TopicDetails
	// Hooks tell of partitions that come and go.
	Hooks Hooks
}

func (c *SubscriberConfig) setDefaults() {
	if c.Unmarshaler == nil {
		c.Unmarshaler = DefaultMarshaler{}
	}
	if c.InFlight == 0 {
		c.InFlight = 1
	}
	if c.NackResendSleep == 0 {
		c.NackResendSleep = 100 * time.Millisecond
	}
	if c.CloseTimeout == 0 {
		c.CloseTimeout = defaultCloseTimeout
	}
}

func (c *SubscriberConfig) validate() error {
	switch {
	case c.InFlight < 0:
		return errors.New("configure a subscriber: InFlight is negative; give at least 1")
	case c.CloseTimeout < 0:
		return errors.New("configure a subscriber: CloseTimeout is negative")
	}
	return nil
}

const defaultCloseTimeout = 5 * time.Second
