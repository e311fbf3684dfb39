package kafka

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

const (
	// byNameVersion is the greatest version of Fetch that kafka-go encodes for us.
	byNameVersion int16 = 11
	// byIDVersion asks for topics by their IDs (KIP-516; Kafka 3.1).
	byIDVersion int16 = 13
)

// uuid is the ID of a topic; zero if there is none.
type uuid [16]byte

func (u uuid) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// parseUUID is zero for what is no ID.
func parseUUID(id string) (u uuid) {
	if b, err := base64.RawURLEncoding.DecodeString(id); err == nil && len(b) == len(u) {
		u = uuid(b)
	}
	return u
}

// TopicGone means that the leader of a partition knows no topic of an ID: it was deleted, or
// created again. A broker that has just begun may say so for a moment.
type TopicGone struct {
	Topic     string
	Partition int32
	// ID is as TopicID tells it.
	ID string
}

func (e *TopicGone) Error() string {
	return fmt.Sprintf("the leader of %s/%d has no topic of ID %s: it was deleted, or created again", e.Topic, e.Partition, e.ID)
}

// NoSuchTopic tells whether an error says that a broker, or all that are known of the cluster,
// has no such topic or partition: it was deleted, or is not known everywhere yet.
func NoSuchTopic(err error) bool {
	var gone *TopicGone
	return errors.As(err, &gone) || unknownTopic(err)
}

// ErrorType is the class of the error in metrics and traces.
func (e *TopicGone) ErrorType() string { return "TOPIC_GONE" }

// What a leader answers for an ID of which it knows no topic, and for one that is not that of
// its partition. kafka-go knows neither.
const (
	unknownTopicID      int16 = 100
	inconsistentTopicID int16 = 103
)

// failure is what the answer says of a partition of a topic; of is the ID that was asked for.
func (a *fetchedPartition) failure(topic string, of uuid) error {
	switch a.ErrorCode {
	case 0:
		return nil
	case unknownTopicID, inconsistentTopicID:
		return &TopicGone{Topic: topic, Partition: a.Partition, ID: of.String()}
	}
	return kafkago.Error(a.ErrorCode)
}

// byID reports whether the request asks by ID: all of its topics have one, or none.
func (r *fetchRequest) byID() bool { return r.Topics[0].ID != uuid{} }

// Required implements protocol.RawExchanger: it is told the version that was agreed on with the
// broker of this connection. kafka-go encodes the versions up to byNameVersion, and would
// send the greatest one.
func (r *fetchRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = versions[protocol.Fetch]
	return r.version > byNameVersion
}

// RawExchange asks by ID if the request has IDs and the broker takes them, else by name.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !r.byID() || r.version < byIDVersion {
		return protocol.RoundTrip(rw, byNameVersion, rawCorrelation, r.clientID, r)
	}
	answer, err := askRaw(rw, r.encode(), maxAnswer)
	if err != nil {
		return nil, err
	}
	return r.read(answer)
}

// encode makes a request of version 13.
func (r *fetchRequest) encode() []byte {
	b := append(rawHeader(r.clientID, protocol.Fetch, byIDVersion), 0) // no tags
	b = binary.BigEndian.AppendUint32(b, uint32(r.ReplicaID))
	b = binary.BigEndian.AppendUint32(b, uint32(r.MaxWaitMillis))
	b = binary.BigEndian.AppendUint32(b, uint32(r.MinBytes))
	b = binary.BigEndian.AppendUint32(b, uint32(r.MaxBytes))
	b = append(b, byte(r.IsolationLevel))
	b = binary.BigEndian.AppendUint32(b, uint32(r.SessionID))
	b = binary.BigEndian.AppendUint32(b, uint32(r.SessionEpoch))
	b = binary.AppendUvarint(b, uint64(len(r.Topics)+1))
	for i := range r.Topics {
		t := &r.Topics[i]
		b = append(b, t.ID[:]...)
		b = binary.AppendUvarint(b, uint64(len(t.Partitions)+1))
		for j := range t.Partitions {
			p := &t.Partitions[j]
			b = binary.BigEndian.AppendUint32(b, uint32(p.Partition))
			b = binary.BigEndian.AppendUint32(b, uint32(p.CurrentLeaderEpoch))
			b = binary.BigEndian.AppendUint64(b, uint64(p.FetchOffset))
			b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // the epoch that was fetched last: none
			b = binary.BigEndian.AppendUint64(b, uint64(p.LogStartOffset))
			b = binary.BigEndian.AppendUint32(b, uint32(p.MaxBytes))
			b = append(b, 0) // no tags
		}
		b = append(b, 0) // no tags
	}
	return append(b, 1, 1, 0) // forgets no topic, is in no rack, no tags
}

// read reads an answer of version 13. The records of a partition alias it, if it is the only
// one: one of several must not keep the others.
func (r *fetchRequest) read(a told) (*fetchResponse, error) {
	a.tags()
	answer := &fetchResponse{ThrottleMillis: a.int32(), ErrorCode: a.int16(), SessionID: a.int32()}
	alone := len(r.Topics) == 1 && len(r.Topics[0].Partitions) == 1
	for n := a.count(); n > 0 && len(a) > 0; n-- {
		t := fetchedTopics{Topic: r.named(a.uuid())}
		for m := a.count(); m > 0 && len(a) > 0; m-- {
			p, err := readFetched(&a, alone)
			if err != nil {
				return nil, err
			}
			t.Partitions = append(t.Partitions, p)
		}
		if t.Topic == "" && len(a) > 0 {
			return nil, errors.New("an answer to a fetch names a topic that was not asked for")
		}
		a.tags()
		answer.Topics = append(answer.Topics, t)
	}
	if len(a) == 0 { // There are tags behind all else, or the number of none.
		return nil, errFetchCutShort
	}
	return answer, nil
}

var errFetchCutShort = errors.New("an answer to a fetch that is cut short")

// named is the name of the topic of an ID; empty if it was not asked for.
func (r *fetchRequest) named(id uuid) string {
	for i := range r.Topics {
		if r.Topics[i].ID == id {
			return r.Topics[i].Topic
		}
	}
	return ""
}

// readFetched reads what an answer says of a partition.
func readFetched(a *told, alone bool) (fetchedPartition, error) {
	p := fetchedPartition{
		Partition: a.int32(), ErrorCode: a.int16(), HighWatermark: a.int64(), LastStableOffset: a.int64(), LogStartOffset: a.int64(),
		proven: true,
	}
	for n := a.count(); n > 0 && len(*a) > 0; n-- {
		p.Aborted = append(p.Aborted, abortedTxn{ProducerID: a.int64(), FirstOffset: a.int64()})
		a.tags()
	}
	p.PreferredReadReplica = a.int32()
	size := a.count()
	if size >= len(*a) { // There are tags behind them.
		return p, errFetchCutShort
	}
	p.Batches.data = (*a)[:size:size]
	if !alone {
		p.Batches.data = append([]byte(nil), p.Batches.data...)
	}
	a.skip(size)
	a.tags()
	return p, nil
}
