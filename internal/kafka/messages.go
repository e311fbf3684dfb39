package kafka

import (
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// kafka-go's own messages for these APIs hide what we need, so ours take their
// place in its registry. That holds for the whole process: Client.Fetch and
// Client.InitProducerID of kafka-go would panic, and a linter forbids them.
func init() {
	protocol.Register(&fetchRequest{}, &fetchResponse{})
	protocol.Register(&initProducerRequest{}, &initProducerResponse{})
	protocol.Register(&deleteRecordsRequest{}, &deleteRecordsResponse{})
	protocol.Register(&writeMarkersRequest{}, &writeMarkersResponse{})
}

// fetchRequest asks the leader of partitions for their record batches, as they are.
type fetchRequest struct {
	_              struct{}         `kafka:"min=v12,max=v13,tag"` // see RawExchange
	ReplicaID      int32            `kafka:"min=v4,max=v11"`
	MaxWaitMillis  int32            `kafka:"min=v4,max=v11"`
	MinBytes       int32            `kafka:"min=v4,max=v11"`
	MaxBytes       int32            `kafka:"min=v4,max=v11"`
	IsolationLevel int8             `kafka:"min=v4,max=v11"`
	SessionID      int32            `kafka:"min=v7,max=v11"`
	SessionEpoch   int32            `kafka:"min=v7,max=v11"`
	Topics         []fetchTopic     `kafka:"min=v4,max=v11"`
	Forgotten      []forgottenTopic `kafka:"min=v7,max=v11"`
	RackID         string           `kafka:"min=v11,max=v11"`
	// leader is the broker to ask if to is set; not of the wire.
	to     bool  `kafka:"-"`
	leader int32 `kafka:"-"`
	// clientID and the version that was agreed on are for RawExchange; not of the wire.
	clientID string `kafka:"-"`
	version  int16  `kafka:"-"`
}

type fetchTopic struct {
	Topic      string           `kafka:"min=v4,max=v11"`
	Partitions []fetchPartition `kafka:"min=v4,max=v11"`
	// ID is that of the topic in version 13, which has no names.
	ID uuid `kafka:"-"`
}

type fetchPartition struct {
	Partition          int32 `kafka:"min=v4,max=v11"`
	CurrentLeaderEpoch int32 `kafka:"min=v9,max=v11"`
	FetchOffset        int64 `kafka:"min=v4,max=v11"`
	LogStartOffset     int64 `kafka:"min=v5,max=v11"`
	MaxBytes           int32 `kafka:"min=v4,max=v11"`
}

type forgottenTopic struct {
	Topic      string  `kafka:"min=v7,max=v11"`
	Partitions []int32 `kafka:"min=v7,max=v11"`
}

func (*fetchRequest) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker routes the request to the broker that is set, or to the first partition's leader.
func (r *fetchRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if b, ok := cluster.Brokers[r.leader]; ok && r.to {
		return b, nil
	}
	return leaderOf(cluster, r.Topics[0].Topic, r.Topics[0].Partitions[0].Partition)
}

type fetchResponse struct {
	_              struct{}        `kafka:"min=v12,max=v13,tag"`
	ThrottleMillis int32           `kafka:"min=v4,max=v11"`
	ErrorCode      int16           `kafka:"min=v7,max=v11"`
	SessionID      int32           `kafka:"min=v7,max=v11"`
	Topics         []fetchedTopics `kafka:"min=v4,max=v11"`
}

func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

type fetchedTopics struct {
	Topic      string             `kafka:"min=v4,max=v11"`
	Partitions []fetchedPartition `kafka:"min=v4,max=v11"`
}

type fetchedPartition struct {
	Partition            int32         `kafka:"min=v4,max=v11"`
	ErrorCode            int16         `kafka:"min=v4,max=v11"`
	HighWatermark        int64         `kafka:"min=v4,max=v11"`
	LastStableOffset     int64         `kafka:"min=v4,max=v11"`
	LogStartOffset       int64         `kafka:"min=v5,max=v11"`
	Aborted              []abortedTxn  `kafka:"min=v4,max=v11"`
	PreferredReadReplica int32         `kafka:"min=v11,max=v11"`
	Batches              recordBatches `kafka:"min=v4,max=v11"`
	// term of the page, and whether the topic was asked for by its ID; not of the wire.
	term   int64 `kafka:"-"`
	proven bool  `kafka:"-"`
}

type abortedTxn struct {
	ProducerID  int64 `kafka:"min=v4,max=v11"`
	FirstOffset int64 `kafka:"min=v4,max=v11"`
}

// recordBatches is the record set of an answer in one buffer of its own, which
// the records then alias.
type recordBatches struct{ data []byte }

// maxAnswer bounds what a broker can make us allocate.
const maxAnswer = 256 << 20

// ReadFrom implements the hook by which kafka-go lets a field decode itself; r
// ends where the answer does.
func (b *recordBatches) ReadFrom(r io.Reader) (int64, error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return int64(n), err
	}
	size := int32(uint32(head[0])<<24 | uint32(head[1])<<16 | uint32(head[2])<<8 | uint32(head[3]))
	if size <= 0 {
		return 4, nil // null or empty
	}
	if size > maxAnswer {
		return 4, fmt.Errorf("an answer with %d bytes of records; at most %d are read", size, maxAnswer)
	}
	b.data = make([]byte, size)
	n, err := io.ReadFull(r, b.data)
	return int64(4 + n), err
}

// WriteTo completes the pair that kafka-go demands; nothing here sends answers.
func (*recordBatches) WriteTo(io.Writer) (int64, error) {
	return 0, errors.New("an answer to a fetch is only ever read")
}

// initProducerRequest asks any broker for a producer ID without a transaction, or the
// coordinator of a transactional ID for its next epoch. kafka-go's own always goes by
// way of a coordinator, which makes the cluster create the topic of transactions.
type initProducerRequest struct {
	_                    struct{} `kafka:"min=v2,max=v4,tag"`
	TransactionalID      string   `kafka:"min=v0,max=v4,nullable"`
	TransactionTimeoutMs int32    `kafka:"min=v0,max=v4"`
	ProducerID           int64    `kafka:"min=v3,max=v4"`
	ProducerEpoch        int16    `kafka:"min=v3,max=v4"`
	// coordinator is the broker to ask for a transactional ID; not of the wire.
	coordinator int32 `kafka:"-"`
}

func (*initProducerRequest) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

// Broker routes the request to the coordinator, or to any broker.
func (r *initProducerRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if r.TransactionalID == "" {
		return protocol.Broker{ID: -1}, nil
	}
	b, ok := cluster.Brokers[r.coordinator]
	if !ok {
		return protocol.Broker{ID: -1}, fmt.Errorf("the coordinator of %s, broker %d, is not known", r.TransactionalID, r.coordinator)
	}
	return b, nil
}

type initProducerResponse struct {
	_              struct{} `kafka:"min=v2,max=v4,tag"`
	ThrottleMillis int32    `kafka:"min=v0,max=v4"`
	ErrorCode      int16    `kafka:"min=v0,max=v4"`
	ProducerID     int64    `kafka:"min=v0,max=v4"`
	ProducerEpoch  int16    `kafka:"min=v0,max=v4"`
}

func (*initProducerResponse) ApiKey() protocol.ApiKey { return protocol.InitProducerId }
