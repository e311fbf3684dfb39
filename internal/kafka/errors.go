package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// OutOfRange is the answer to a fetch from an offset that the partition does
// not have: below what it still keeps, or beyond its end.
type OutOfRange struct {
	Topic     string
	Partition int32
	Offset    int64
	// Start and End are what the partition holds: [Start, End).
	Start, End int64
	// Term is that of the page that was not read (see events.Page).
	Term int64
}

func (e *OutOfRange) Error() string {
	return fmt.Sprintf("read %s/%d from offset %d: it holds [%d, %d)", e.Topic, e.Partition, e.Offset, e.Start, e.End)
}

// OutOfRange returns what the partition holds; eventlog recognises it by this.
func (e *OutOfRange) OutOfRange() (start, end int64) { return e.Start, e.End }

// Refused means that the broker will never take the record: it is too large,
// its time is invalid, or the like. Nothing of its batch was appended.
type Refused struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *Refused) Error() string {
	return fmt.Sprintf("append to %s/%d: the broker refuses the record: %v", e.Topic, e.Partition, e.Err)
}

func (e *Refused) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *Refused) ErrorType() string { return "REFUSED" }

// ErrorType is the class of the error in metrics and traces.
func (e *OutOfRange) ErrorType() string { return "OFFSET_OUT_OF_RANGE" }

// Refused tells this error from those after which the outcome is unknown.
func (e *Refused) Refused() bool { return true }

// Unsent means that a record was given up before it was sent: it is certain not to be in
// the log.
type Unsent struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *Unsent) Error() string {
	return fmt.Sprintf("append to %s/%d: it was not sent: %v", e.Topic, e.Partition, e.Err)
}

func (e *Unsent) Unwrap() error { return e.Err }

// Unsent tells this error from those after which the outcome is unknown.
func (e *Unsent) Unsent() bool { return true }

// Unavailable means that an operation was tried again for as long as the RetryBudget says,
// and given up: nothing answers, a partition has no leader, or the like. It may succeed
// later; what runs until it is stopped begins it anew.
type Unavailable struct{ Err error }

func (e *Unavailable) Error() string { return e.Err.Error() }

func (e *Unavailable) Unwrap() error { return e.Err }

// Unavailable tells package eventlog that trying again may help.
func (e *Unavailable) Unavailable() bool { return true }

// class is what an answer of the broker, or its absence, means for what was
// sent.
type class int

const (
	// done: it was appended, and stands where the answer says.
	done class = iota
	// unknown: it may have been appended or not, and the very same bytes are
	// sent again.
	unknown
	// refused: it was not appended and never will be; the record is at fault.
	refused
	// lostState: the broker does not know our place in the producer's sequence
	// any more; the same records go out under a new producer ID.
	lostState
	// denied: it was not appended for a reason that is not the record's, such
	// as a missing permission, and sending it again would not help.
	denied
)

// classify sorts the outcome of a request. Whatever is not an answer of the
// broker (a timeout, a broken connection) is unknown.
func classify(err error) class {
	if err == nil {
		return done
	}
	var wrong *Misconfigured
	var notTaken *TopicRefused
	var inUse *GroupInUse
	var gone *TopicGone
	if errors.Is(err, errClosed) || errors.As(err, &wrong) || errors.As(err, &notTaken) || errors.As(err, &inUse) || errors.As(err, &gone) || IsDenied(err) {
		return denied
	}
	var code kafkago.Error
	if !errors.As(err, &code) {
		return unknown
	}
	switch code {
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge, kafkago.InvalidTimestamp, kafkago.InvalidRecord,
		kafkago.UnsupportedForMessageFormat, kafkago.UnsupportedCompressionType:
		return refused
	case kafkago.OutOfOrderSequenceNumber, kafkago.DuplicateSequenceNumber, kafkago.InvalidProducerEpoch,
		kafkago.UnknownProducerId, kafkago.InvalidProducerIDMapping, kafkago.ProducerFenced:
		return lostState
	case kafkago.InvalidTopic, kafkago.TopicAuthorizationFailed, kafkago.GroupAuthorizationFailed,
		kafkago.ClusterAuthorizationFailed, kafkago.SASLAuthenticationFailed, kafkago.UnsupportedSASLMechanism,
		kafkago.UnsupportedVersion, kafkago.InvalidRequest, kafkago.InvalidRequiredAcks, kafkago.PolicyViolation,
		kafkago.InvalidConfiguration, kafkago.InvalidReplicationFactor, kafkago.SecurityDisabled:
		return denied
	}
	return unknown // every code that Kafka's table calls retriable, and any newer than this list
}

// gaveUp wraps the last error of an operation that was tried for too long or
// whose context ended, so that the caller sees both. What may succeed later is *Unavailable.
func (c *Client) gaveUp(ctx context.Context, what string, last error) error {
	if !IsDenied(last) { // which says where
		what += " on " + c.brokers()
	}
	if cause := ctx.Err(); cause != nil && last != nil && !errors.Is(last, cause) {
		return fmt.Errorf("%s: %w (last answer: %w)", what, cause, last)
	}
	err := fmt.Errorf("%s: %w", what, last)
	if c := classify(last); ctx.Err() == nil && c != denied && c != refused {
		return &Unavailable{err}
	}
	return err
}
