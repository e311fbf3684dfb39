package kafka

import (
	"fmt"
	"time"
)

// WriterFenced means that another writer has claimed the partition under the same
// transactional ID. The writer that gets it never appends again.
type WriterFenced struct {
	ID, Topic  string
	Partition  int32
	ProducerID int64
	Epoch      int16
	Err        error
}

func (e *WriterFenced) Error() string {
	return fmt.Sprintf("write to %s/%d as %s: another writer has claimed it since producer %d, epoch %d: %v",
		e.Topic, e.Partition, e.ID, e.ProducerID, e.Epoch, e.Err)
}

func (e *WriterFenced) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *WriterFenced) ErrorType() string { return "WRITER_FENCED" }

// UnknownOutcome means that a batch may stand in the log, or still come to stand in it,
// until the next Claim.
type UnknownOutcome struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *UnknownOutcome) Error() string {
	return fmt.Sprintf("append to %s/%d: whether it stands is not known; claim the partition and read its tail: %v", e.Topic, e.Partition, e.Err)
}

func (e *UnknownOutcome) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *UnknownOutcome) ErrorType() string { return "UNKNOWN_OUTCOME" }

// FenceLapsed means that the cluster has forgotten the writer, or may do so soon, as it
// was not renewed. Claim again.
type FenceLapsed struct {
	ID, Topic string
	Partition int32
	Err       error
}

func (e *FenceLapsed) Error() string {
	return fmt.Sprintf("write to %s/%d as %s: the fence has lapsed; claim the partition anew: %v", e.Topic, e.Partition, e.ID, e.Err)
}

func (e *FenceLapsed) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *FenceLapsed) ErrorType() string { return "FENCE_LAPSED" }

// EarlierUnfenced means that the partition was written under another producer ID than the
// transactional ID has now, and that the earlier one could not be fenced, so that its
// writer may still append.
type EarlierUnfenced struct {
	ID, Topic        string
	Partition        int32
	Earlier, Current int64
	Err              error
}

func (e *EarlierUnfenced) Error() string {
	return fmt.Sprintf("write to %s/%d as %s: producer %d wrote there before and cannot be fenced; the current one is %d: %v",
		e.Topic, e.Partition, e.ID, e.Earlier, e.Current, e.Err)
}

func (e *EarlierUnfenced) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *EarlierUnfenced) ErrorType() string { return "EARLIER_UNFENCED" }

// TooOld means that a batch was not sent, as its timestamps would make the broker forget
// the writer, and let older epochs in.
type TooOld struct {
	Topic     string
	Partition int32
	// Age of the greatest timestamp, and Expiry of producers at the cluster.
	Age, Expiry time.Duration
}

func (e *TooOld) Error() string {
	return fmt.Sprintf("append to %s/%d: the newest record of the batch is %s old; the cluster forgets a producer whose last record is older than %s, and its fence with it: raise producer.id.expiration.ms there",
		e.Topic, e.Partition, e.Age.Round(time.Second), e.Expiry)
}

// ErrorType is the class of the error in metrics and traces.
func (e *TooOld) ErrorType() string { return "BATCH_TOO_OLD" }
