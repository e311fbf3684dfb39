package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/addpartitionstotxn"
	"github.com/segmentio/kafka-go/protocol/endtxn"

	"github.com/spanway/spanway/internal/kafka/batch"
)

// transaction is what the coordinator of a transactional ID is asked for. Each call is
// one request; nothing is tried again here.
type transaction struct {
	client    *Client
	id        string
	topic     string
	partition int32
}

// openFor is how long the coordinator lets a transaction of a claim stay open: one that
// a crash left behind keeps the readers of the partition back for no longer.
const openFor = time.Minute

// needs are the rights of a fenced writer.
func (t *transaction) needs() needs {
	return needs{topic: t.topic, onTopic: "Write", transactionalID: t.id, onTransactionalID: "Write", onCluster: "ClusterAction"}
}

// claim raises the epoch of the transactional ID. A transaction that an earlier claim
// left open makes the coordinator answer ConcurrentTransactions until it has aborted it.
func (t *transaction) claim(ctx context.Context) (batch.Producer, error) {
	node, err := t.client.coordinator(ctx, t.id, kafkago.CoordinatorKeyTypeTransaction)
	if err != nil {
		return batch.Producer{}, fmt.Errorf("find the coordinator: %w", err)
	}
	r, err := ask[*initProducerResponse](ctx, t.client, &initProducerRequest{
		TransactionalID: t.id, TransactionTimeoutMs: int32(openFor / time.Millisecond),
		ProducerID: -1, ProducerEpoch: -1, coordinator: node,
	})
	if err != nil {
		return batch.Producer{}, fmt.Errorf("raise the epoch: %w", err)
	}
	if err := failure("raise the epoch", r.ErrorCode); err != nil {
		return batch.Producer{}, err
	}
	return batch.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, nil
}

// begin adds the partition to a transaction of p.
func (t *transaction) begin(ctx context.Context, p batch.Producer) error {
	r, err := ask[*addpartitionstotxn.Response](ctx, t.client, &addpartitionstotxn.Request{
		TransactionalID: t.id, ProducerID: p.ID, ProducerEpoch: p.Epoch,
		Topics: []addpartitionstotxn.RequestTopic{{Name: t.topic, Partitions: []int32{t.partition}}},
	})
	if err != nil {
		return fmt.Errorf("add the partition to a transaction: %w", err)
	}
	if len(r.Results) != 1 || len(r.Results[0].Results) != 1 {
		return fmt.Errorf("add the partition to a transaction: %w", errOtherPartition)
	}
	return failure("add the partition to a transaction", r.Results[0].Results[0].ErrorCode)
}

// abort ends the transaction of p. The first answer comes before the marker is
// written, and the second success after it.
func (t *transaction) abort(ctx context.Context, p batch.Producer) error {
	r, err := ask[*endtxn.Response](ctx, t.client, &endtxn.Request{TransactionalID: t.id, ProducerID: p.ID, ProducerEpoch: p.Epoch})
	if err != nil {
		return fmt.Errorf("abort the transaction: %w", err)
	}
	return failure("abort the transaction", r.ErrorCode)
}

// mark has the partition's leader write an abort marker of a producer ID, past the
// coordinator, which may not know of that ID any more. Its answer comes when it stands.
func (t *transaction) mark(ctx context.Context, p batch.Producer) error {
	r, err := ask[*writeMarkersResponse](ctx, t.client, &writeMarkersRequest{Markers: []marker{{
		ProducerID: p.ID, ProducerEpoch: p.Epoch, Topics: []markedTopic{{Topic: t.topic, Partitions: []int32{t.partition}}},
	}}})
	if err != nil {
		return fmt.Errorf("write a marker: %w", err)
	}
	if len(r.Markers) != 1 || len(r.Markers[0].Topics) != 1 || len(r.Markers[0].Topics[0].Partitions) != 1 {
		return fmt.Errorf("write a marker: %w", errOtherPartition)
	}
	return failure("write a marker", r.Markers[0].Topics[0].Partitions[0].ErrorCode)
}

var errOtherPartition = errors.New("the answer does not name the one partition that was asked for")

func failure(what string, code int16) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, kafkago.Error(code))
}

// ask sends a request and takes an answer of type R.
func ask[R protocol.Message](ctx context.Context, c *Client, req protocol.Message) (R, error) {
	var none R
	m, err := c.roundTrip(ctx, req, requestTimeout)
	if err != nil {
		return none, err
	}
	r, ok := m.(R)
	if !ok {
		return none, fmt.Errorf("an answer of type %T", m)
	}
	return r, nil
}

// writeMarkersRequest asks a partition's leader for markers of transactions. kafka-go
// has no such message.
type writeMarkersRequest struct {
	_       struct{} `kafka:"min=v1,max=v1,tag"`
	Markers []marker `kafka:"min=v1,max=v1"`
}

type marker struct {
	_                struct{}      `kafka:"min=v1,max=v1,tag"`
	ProducerID       int64         `kafka:"min=v1,max=v1"`
	ProducerEpoch    int16         `kafka:"min=v1,max=v1"`
	Committed        bool          `kafka:"min=v1,max=v1"`
	Topics           []markedTopic `kafka:"min=v1,max=v1"`
	CoordinatorEpoch int32         `kafka:"min=v1,max=v1"`
}

type markedTopic struct {
	_          struct{} `kafka:"min=v1,max=v1,tag"`
	Topic      string   `kafka:"min=v1,max=v1"`
	Partitions []int32  `kafka:"min=v1,max=v1"`
}

func (*writeMarkersRequest) ApiKey() protocol.ApiKey { return protocol.WriteTxnMarkers }

// Broker routes the request to the partition's leader.
func (r *writeMarkersRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	t := &r.Markers[0].Topics[0]
	return leaderOf(cluster, t.Topic, t.Partitions[0])
}

type writeMarkersResponse struct {
	_       struct{}         `kafka:"min=v1,max=v1,tag"`
	Markers []markedProducer `kafka:"min=v1,max=v1"`
}

type markedProducer struct {
	_          struct{}          `kafka:"min=v1,max=v1,tag"`
	ProducerID int64             `kafka:"min=v1,max=v1"`
	Topics     []markedPartition `kafka:"min=v1,max=v1"`
}

type markedPartition struct {
	_          struct{}       `kafka:"min=v1,max=v1,tag"`
	Topic      string         `kafka:"min=v1,max=v1"`
	Partitions []markedResult `kafka:"min=v1,max=v1"`
}

type markedResult struct {
	_         struct{} `kafka:"min=v1,max=v1,tag"`
	Partition int32    `kafka:"min=v1,max=v1"`
	ErrorCode int16    `kafka:"min=v1,max=v1"`
}

func (*writeMarkersResponse) ApiKey() protocol.ApiKey { return protocol.WriteTxnMarkers }
