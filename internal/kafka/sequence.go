package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/spanway/spanway/internal/kafka/batch"
)

// sequence is an idempotent producer's place in one partition. One batch at a
// time goes through it. Its zero producer is none: an ID is taken on first use
// and after every doubt, so a sequence number is never used for other bytes.
type sequence struct {
	client    *Client
	topic     string
	partition int32
	producer  batch.Producer
	have      bool // producer is ours to go on with
	// answered, if set, is told of errors after which the batch is sent again.
	answered func(error)
}

// send appends an encoded batch of count records and returns where it stands.
// It sends the same bytes until there is an answer that says what became of
// them, and the same records under a new producer ID if the broker has lost its
// memory of ours. Unless it says so, b may still be read after it returns.
func (s *sequence) send(ctx context.Context, b []byte, count int) (base int64, unread bool, err error) {
	retry := s.client.retrier(0, func() string { return s.what(count) })
	defer retry.try.End()
	stamped, attempts := false, 0
	for {
		if !s.have || !stamped {
			if attempts > 0 {
				b = slices.Clone(b) // a request that timed out may still be reading it
			}
			if stamped, err = s.stamp(ctx, b); stamped {
				attempts++
				base, err = s.attempt(ctx, b)
			}
		} else {
			attempts++
			base, err = s.attempt(ctx, b)
		}
		switch classify(err) {
		case done:
			s.producer.Sequence += int32(count)
			// Begin anew long before the numbers wrap.
			retry.try.Passed()
			s.have = s.producer.Sequence >= 0 && s.producer.Sequence < math.MaxInt32/2
			return base, attempts == 1, nil
		case refused:
			s.have = false
			return 0, false, &Refused{Topic: s.topic, Partition: s.partition, Err: err}
		case denied:
			s.have = false
			return 0, false, s.failed(ctx, count, err)
		case lostState:
			s.have = false
		case unknown:
		}
		if s.answered != nil && ctx.Err() == nil {
			s.answered(err)
		}
		if ctx.Err() != nil || !retry.wait(ctx, err) {
			s.have = false
			return 0, false, s.failed(ctx, count, err)
		}
	}
}

func (s *sequence) failed(ctx context.Context, count int, err error) error {
	return s.client.gaveUp(ctx, s.what(count), err)
}

func (s *sequence) what(count int) string {
	return fmt.Sprintf("append %d records to %s/%d", count, s.topic, s.partition)
}

// needs is the right to append. Who has it for any topic may take a producer ID.
func (s *sequence) needs() needs { return needs{topic: s.topic, onTopic: "Write"} }

// stamp makes b the next batch of our producer, after taking an ID if there is
// none.
func (s *sequence) stamp(ctx context.Context, b []byte) (bool, error) {
	if !s.have {
		p, err := s.client.initProducer(ctx)
		if err != nil {
			return false, s.client.denied(s.needs(), err)
		}
		s.producer, s.have = p, true
	}
	batch.Stamp(b, s.producer)
	return true, nil
}

// attempt sends the batch once.
func (s *sequence) attempt(ctx context.Context, b []byte) (int64, error) {
	if s.client.isClosed() {
		return 0, errClosed
	}
	var size [4]byte // a record set on the wire begins with its length
	binary.BigEndian.PutUint32(size[:], uint32(len(b)))
	answer, err := s.client.api.RawProduce(ctx, &kafkago.RawProduceRequest{
		Topic:        s.topic,
		Partition:    int(s.partition),
		RequiredAcks: kafkago.RequireAll,
		RawRecords:   protocol.RawRecordSet{Reader: &net.Buffers{size[:], b}},
	})
	if err != nil {
		s.client.noticeBroken(ctx, err)
		return 0, s.client.because(ctx, s.needs(), err)
	}
	if answer.Error != nil { // the base offset that comes with it means nothing
		return 0, s.client.denied(s.needs(), answer.Error)
	}
	return answer.BaseOffset, nil
}

// initProducer takes a new producer ID.
func (c *Client) initProducer(ctx context.Context) (batch.Producer, error) {
	m, err := c.roundTrip(ctx, &initProducerRequest{ProducerID: -1, ProducerEpoch: -1}, requestTimeout)
	if err != nil {
		return batch.Producer{}, fmt.Errorf("take a producer ID: %w", err)
	}
	r, ok := m.(*initProducerResponse)
	if !ok {
		return batch.Producer{}, fmt.Errorf("take a producer ID: an answer of type %T", m)
	}
	if r.ErrorCode != 0 {
		return batch.Producer{}, fmt.Errorf("take a producer ID: %w", kafkago.Error(r.ErrorCode))
	}
	return batch.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, nil
}
