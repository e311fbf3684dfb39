package kafka

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// What a client knows of whether its cluster tells IDs of topics.
const (
	idsUnknown int32 = iota
	idsTold
	idsNone
)

// TopicID is the ID by which the leader of a partition knows its topic: another one when
// the topic was created again. It is asked of the leader each time. Brokers before Kafka
// 2.8 have none, for which it is empty.
func (c *Client) TopicID(ctx context.Context, topic string, partition int32) (id string, err error) {
	err = c.persist(ctx, "ask for the ID of topic "+topic, needs{topic: topic, onTopic: "Describe"}, func() error {
		r, err := ask[*topicIDResponse](ctx, c, &topicIDRequest{client: c, topic: topic, partition: partition})
		if err != nil {
			return err
		}
		id = r.id
		return failure("ask for the ID of topic "+topic, r.code)
	})
	return id, err
}

// HasTopic tells whether the leader of a partition knows its topic, and by this ID (see
// TopicID). It asks once: a topic that was deleted just now is not waited for. That it is not
// there is what a broker said: while none is reached the answer is an error.
func (c *Client) HasTopic(ctx context.Context, topic string, partition int32, id string) (bool, error) {
	r, err := ask[*topicIDResponse](ctx, c, &topicIDRequest{client: c, topic: topic, partition: partition})
	switch {
	case unrouted(err): // What this client knows of the cluster may be nothing.
		there, unknown := c.named(ctx, topic)
		if unknown == nil && !there {
			return false, nil
		}
		return false, fmt.Errorf("ask whether topic %s is there: %w", topic, cmp.Or(unknown, err))
	case errors.Is(err, kafkago.UnknownTopicOrPartition), err == nil && kafkago.Error(r.code) == kafkago.UnknownTopicOrPartition:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask whether topic %s is there: %w", topic, err)
	}
	return r.id == id, failure("ask whether topic "+topic+" is there", r.code)
}

// named asks a broker, over a connection of its own, whether there is a topic of a name.
func (c *Client) named(ctx context.Context, topic string) (there bool, err error) {
	err = errNoBroker
	for i := 0; i < len(c.config.Brokers) && err != nil; i++ {
		var m protocol.Message
		if m, err = c.askBroker(ctx, c.config.Brokers[i], &metadata.Request{TopicNames: []string{topic}}); err != nil {
			continue
		}
		r, ok := m.(*metadata.Response)
		if !ok || len(r.Topics) != 1 || r.Topics[0].Name != topic {
			err = fmt.Errorf("an answer of type %T without the topic", m)
			continue
		}
		switch code := kafkago.Error(r.Topics[0].ErrorCode); code {
		case 0:
			return true, nil
		case kafkago.UnknownTopicOrPartition:
			return false, nil
		default:
			err = code
		}
	}
	return false, err
}

var errNoBroker = errors.New("no broker is configured")

// topicIDRequest is a Metadata request of version 10, which tells IDs of topics; that of
// kafka-go ends at 8 and cannot be replaced, as its Transport depends on the type. So this
// one writes and reads its own bytes.
type topicIDRequest struct {
	client    *Client
	topic     string
	partition int32
}

type topicIDResponse struct {
	code int16
	id   string
}

func (*topicIDRequest) ApiKey() protocol.ApiKey  { return protocol.Metadata }
func (*topicIDResponse) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Broker routes the request to the partition's leader, as a fetch.
func (r *topicIDRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return leaderOf(cluster, r.topic, r.partition)
}

// Required has kafka-go call RawExchange.
func (*topicIDRequest) Required(map[protocol.ApiKey]int16) bool { return true }

const (
	withIDs     = 10 // the first version of Metadata that tells IDs
	apiVersions = 18
	// maxTold bounds the size of an answer.
	maxTold = 64 << 20
)

// RawExchange sends the request on a connection, and before it, once for each client, asks
// which versions the broker has.
func (r *topicIDRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	answer, err := r.client.askIDs(rw, r.topic)
	switch {
	case err != nil:
		return nil, err
	case answer == nil:
		return &topicIDResponse{}, nil
	}
	return readTopicID(answer)
}

// askIDs asks on a connection for the IDs of topics; the answer is nil if the cluster tells none.
func (c *Client) askIDs(rw io.ReadWriter, topics ...string) (told, error) {
	if c.ids.Load() == idsUnknown {
		known := idsNone
		answer, err := askRaw(rw, rawHeader(c.config.ClientID, apiVersions, 0), maxTold)
		if err != nil {
			return nil, err
		}
		if greatestVersion(answer, protocol.Metadata) >= withIDs {
			known = idsTold
		}
		c.ids.Store(known)
	}
	if c.ids.Load() == idsNone {
		return nil, nil
	}
	b := append(rawHeader(c.config.ClientID, protocol.Metadata, withIDs), 0) // no tags
	b = binary.AppendUvarint(b, uint64(len(topics)+1))
	for _, topic := range topics {
		b = append(b, make([]byte, 16)...) // by its name
		b = binary.AppendUvarint(b, uint64(len(topic)+1))
		b = append(b, topic...)
		b = append(b, 0) // no tags
	}
	b = append(b, 0, 0, 0, 0) // creates no topic, tells no rights of two kinds, no tags
	return askRaw(rw, b, maxTold)
}

// rawCorrelation is the correlation ID of every request that is sent by itself: a connection
// has one under way.
const rawCorrelation = 1

// rawHeader is that of a request, but for its tags.
func rawHeader(id string, key protocol.ApiKey, version int16) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 4, 256+len(id)), uint16(key)) // behind its length
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, rawCorrelation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(id)))
	return append(b, id...)
}

// askRaw sends a request and returns its answer, of so many bytes at most, behind the
// correlation ID.
func askRaw(rw io.ReadWriter, request []byte, most uint32) (told, error) {
	binary.BigEndian.PutUint32(request, uint32(len(request)-4))
	if _, err := rw.Write(request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > most {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(rw, b); err != nil {
		return nil, err
	}
	return b[4:], nil
}

// greatestVersion is that of an API by an answer of ApiVersions 0; -1 if it is not told.
func greatestVersion(a told, of protocol.ApiKey) int16 {
	if code, n := a.int16(), a.int32(); code == 0 {
		for ; n > 0 && len(a) > 0; n-- {
			if key, _, most := a.int16(), a.int16(), a.int16(); protocol.ApiKey(key) == of {
				return most
			}
		}
	}
	return -1
}

var errCutShort = errors.New("an answer about a topic that is cut short")

// readTopicID reads an answer of Metadata 10 as far as the ID of its one topic.
func readTopicID(a told) (*topicIDResponse, error) {
	if a.topics() != 1 {
		return nil, errCutShort
	}
	r := &topicIDResponse{code: a.int16()}
	a.skip(a.count()) // its name
	if len(a) < 16 {
		return nil, errCutShort
	}
	r.id = a.topicID()
	return r, nil
}

// topics reads an answer of Metadata 10 up to its topics, and says how many these are.
func (a *told) topics() (n int) {
	a.tags()
	a.skip(4) // throttled
	for n := a.count(); n > 0 && len(*a) > 0; n-- {
		a.skip(4) // a broker: its ID, host, port, rack
		a.skip(a.count())
		a.skip(4)
		a.skip(a.count())
		a.tags()
	}
	a.skip(a.count()) // cluster ID
	a.skip(4)         // controller
	return a.count()
}

// topicID is the ID of a topic; empty if it has none. At least 16 bytes must be there.
func (a *told) topicID() string {
	id := base64.RawURLEncoding.EncodeToString((*a)[:16])
	if a.skip(16); id == noTopicID {
		return ""
	}
	return id
}

// noTopicID is that of a topic which has none.
var noTopicID = base64.RawURLEncoding.EncodeToString(make([]byte, 16))

// told is what of an answer is not read yet; behind its end everything is 0.
type told []byte

func (a *told) skip(n int) { *a = (*a)[min(max(n, 0), len(*a)):] }

// bytes are the next n, or those that there are.
func (a *told) bytes(n int) []byte {
	b := (*a)[:min(max(n, 0), len(*a))]
	a.skip(n)
	return b
}

func (a *told) int16() (n int16) {
	if len(*a) >= 2 {
		n = int16(binary.BigEndian.Uint16(*a))
	}
	a.skip(2)
	return n
}

func (a *told) int32() (n int32) {
	if len(*a) >= 4 {
		n = int32(binary.BigEndian.Uint32(*a))
	}
	a.skip(4)
	return n
}

func (a *told) int64() (n int64) {
	if len(*a) >= 8 {
		n = int64(binary.BigEndian.Uint64(*a))
	}
	a.skip(8)
	return n
}

func (a *told) uuid() (u uuid) {
	copy(u[:], *a)
	a.skip(len(u))
	return u
}

// text is a string behind its length.
func (a *told) text() string {
	n := min(max(0, int(a.int16())), len(*a))
	s := string((*a)[:n])
	a.skip(n)
	return s
}

func (a *told) uvarint() int {
	n, read := binary.Uvarint(*a)
	if read <= 0 || n > math.MaxInt32 {
		*a = nil
		return 0
	}
	a.skip(read)
	return int(n)
}

// count is the length of an array or a string, which stands there plus 1; null has none.
func (a *told) count() int { return max(0, a.uvarint()-1) }

func (a *told) tags() {
	for n := a.uvarint(); n > 0 && len(*a) > 0; n-- {
		a.uvarint()
		a.skip(a.uvarint())
	}
}
