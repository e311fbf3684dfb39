package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
)

// Partition is one partition of a topic as a log to append to and read from.
// It is safe for concurrent use, but two Appends wait for each other.
type Partition struct {
	client *Client
	topic  string
	id     int32
	named  messaging.Log

	appending chan struct{} // holds one while there is an Append
	sequence  sequence
	buffer    []byte

	isolation int8  // readCommitted, but for Uncommitted
	most      int32 // bytes of an answer; fetchBytes, but for AtMost
	topicID   uuid  // that of OfTopic
	encoded   bool  // see HeadersEncoded

	reading sync.Mutex
	opened  *opened

	waited, polled idle

	last atomic.Pointer[error] // what an Append was answered last, if none succeeded since
}

// trouble is the last answer to an Append, if it was an error.
func (p *Partition) trouble() error {
	if err := p.last.Load(); err != nil {
		return *err
	}
	return nil
}

// Partition makes a handle; it does not connect. Each handle is a producer of
// its own.
func (c *Client) Partition(topic string, partition int32) *Partition {
	p := &Partition{
		client: c, topic: topic, id: partition, named: messaging.Log{Topic: topic, ID: partition},
		sequence: sequence{client: c, topic: topic, partition: partition}, appending: make(chan struct{}, 1),
		isolation: readCommitted, most: fetchBytes,
	}
	p.sequence.answered = func(err error) { p.last.Store(&err) }
	return p
}

// Uncommitted makes the handle read the records of open and aborted transactions too, so
// that a transaction that hangs hides nothing behind it. It returns the handle.
func (p *Partition) Uncommitted() *Partition {
	p.isolation = readUncommitted
	return p
}

// OfTopic has the handle read from the topic of an ID (see TopicID) and no other one of its
// name: where the leader takes IDs, as Kafka does since 3.1, what was created again is
// *TopicGone, else FetchProven proves nothing. It returns the handle; an empty ID is none.
func (p *Partition) OfTopic(id string) *Partition {
	p.topicID = parseUUID(id)
	return p
}

// AtMost has a page hold what comes in about so many bytes of an answer, but one batch at
// least. It returns the handle.
func (p *Partition) AtMost(bytes int32) *Partition {
	p.most = bytes
	return p
}

// HeadersEncoded has the handle leave the headers of records as they are, where it can (see
// events.Record.Encoded): for who copies records and looks at few of their headers. It returns
// the handle.
func (p *Partition) HeadersEncoded() *Partition {
	p.encoded = true
	return p
}

// Append appends the records as one batch, acknowledged by all replicas in
// sync, and returns the offset of the first. While the outcome is unknown it
// sends the same bytes again, for as long as ctx and the client's RetryBudget
// allow; an idempotent producer keeps that from doubling them. A *Refused
// error means that nothing was appended and nothing ever will be, and so does an *Unsent
// one; after any other error the batch may stand in the log or still come to stand in it.
func (p *Partition) Append(ctx context.Context, records []events.Record) (base int64, err error) {
	select {
	case p.appending <- struct{}{}:
		defer func() { <-p.appending }()
	case <-ctx.Done():
		return 0, &Unsent{Topic: p.topic, Partition: p.id, Err: fmt.Errorf("wait for another append: %w", ctx.Err())}
	}
	p.buffer, err = batch.AppendUnstamped(p.buffer[:0], records, p.client.config.Compression)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	base, unread, err := p.sequence.send(ctx, p.buffer, len(records))
	if err == nil {
		p.last.Store(nil)
	}
	p.client.metrics.Sent(ctx, &p.named, began, len(records), err)
	if !unread {
		p.buffer = nil
	}
	return base, err
}
