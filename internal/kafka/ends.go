package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Ends asks for the ends of partitions, by topic: each is the offset that the next record
// will get, or that the first open transaction got. Each broker is asked once for all that
// it leads, and nothing is tried again. What could not be told is left out, and the error
// says why of one of these.
func (c *Client) Ends(ctx context.Context, of map[string][]int32) (ends map[string]map[int32]int64, err error) {
	return c.offsets(ctx, of, latest)
}

// Starts is Ends of the first offsets that partitions still keep.
func (c *Client) Starts(ctx context.Context, of map[string][]int32) (starts map[string]map[int32]int64, err error) {
	return c.offsets(ctx, of, earliest)
}

func (c *Client) offsets(ctx context.Context, of map[string][]int32, at uint64) (ends map[string]map[int32]int64, err error) {
	ends = map[string]map[int32]int64{}
	told, missing := c.askEnds(ctx, of, at)
	for _, e := range told {
		switch {
		case e.code != 0:
			missing = fmt.Errorf("ask for the end of %s/%d: %w", e.topic, e.id, kafkago.Error(e.code))
			continue
		case e.end < 0:
			missing = fmt.Errorf("ask for the end of %s/%d: the broker names none", e.topic, e.id)
			continue
		}
		if ends[e.topic] == nil {
			ends[e.topic] = map[int32]int64{}
		}
		ends[e.topic][e.id] = e.end
	}
	c.doubt(ctx, missing)
	return ends, missing
}

// Present is Topics without those that were deleted just now: what a client knows of its
// cluster may be a moment old, and a topic that is read is waited for as one that is
// made just now is. The leader of the first partition of each is asked; one that does not
// answer takes no topic away.
func (c *Client) Present(ctx context.Context, prefix string) ([]TopicInfo, error) {
	topics, err := c.Topics(ctx, prefix)
	of := make(map[string][]int32, len(topics))
	for _, t := range topics {
		of[t.Name] = []int32{0}
	}
	told, _ := c.askEnds(ctx, of, latest)
	gone := map[string]bool{}
	for _, e := range told {
		gone[e.topic] = kafkago.Error(e.code) == kafkago.UnknownTopicOrPartition
	}
	return slices.DeleteFunc(topics, func(t TopicInfo) bool { return gone[t.Name] }), err
}

// askEnds asks the leaders; the error says why one of them tells nothing.
func (c *Client) askEnds(ctx context.Context, of map[string][]int32, at uint64) (told []endOf, missing error) {
	if len(of) == 0 {
		return nil, nil
	}
	m, err := ask[*metadata.Response](ctx, c, &metadata.Request{TopicNames: slices.Sorted(maps.Keys(of))})
	if err != nil {
		return nil, fmt.Errorf("look for the leaders of %d topics: %w", len(of), err)
	}
	asked, missing := c.byLeader(m, of, at)
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, req := range asked {
		all.Go(func() {
			r, err := ask[*endsResponse](ctx, c, req)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing = fmt.Errorf("ask broker %d for the ends of partitions: %w", req.leader, err)
				return
			}
			told = append(told, r.ends...)
		})
	}
	all.Wait()
	return told, missing
}

// byLeader makes a request for each broker. One for a partition without a leader is missing.
func (c *Client) byLeader(m *metadata.Response, of map[string][]int32, at uint64) (asked map[int32]*endsRequest, missing error) {
	asked = map[int32]*endsRequest{}
	for topic, partitions := range of {
		for _, p := range slices.Compact(slices.Sorted(slices.Values(partitions))) { // Brokers refuse one that is named twice.
			leader, _ := leaderIn(m, place{topic, p})
			if leader < 0 {
				missing = fmt.Errorf("ask for the end of %s/%d: %w", topic, p, kafkago.LeaderNotAvailable)
				continue
			}
			if asked[leader] == nil {
				asked[leader] = &endsRequest{client: c, leader: leader, at: at, of: map[string][]int32{}}
			}
			asked[leader].of[topic] = append(asked[leader].of[topic], p)
		}
	}
	return asked, missing
}

// endsRequest is a ListOffsets request of version 2 for many partitions of one broker;
// kafka-go makes one request of each. So this one writes and reads its own bytes.
type endsRequest struct {
	client *Client
	leader int32
	at     uint64 // latest or earliest
	of     map[string][]int32
}

type endsResponse struct{ ends []endOf }

// endOf is what a broker tells of a partition.
type endOf struct {
	place
	code int16
	end  int64
}

func (*endsRequest) ApiKey() protocol.ApiKey  { return protocol.ListOffsets }
func (*endsResponse) ApiKey() protocol.ApiKey { return protocol.ListOffsets }

// Broker routes the request.
func (r *endsRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, ok := cluster.Brokers[r.leader]
	if !ok {
		return protocol.Broker{ID: -1}, fmt.Errorf("broker %d is not known: %w", r.leader, kafkago.LeaderNotAvailable)
	}
	return b, nil
}

// Required has kafka-go call RawExchange.
func (*endsRequest) Required(map[protocol.ApiKey]int16) bool { return true }

const (
	isolated        = 2                  // the first version of ListOffsets that knows of transactions
	latest   uint64 = math.MaxUint64     // stands for the end
	earliest uint64 = math.MaxUint64 - 1 // stands for the start
)

// RawExchange sends the request on a connection.
func (r *endsRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	b := rawHeader(r.client.config.ClientID, protocol.ListOffsets, isolated)
	b = append(b, 0xff, 0xff, 0xff, 0xff, byte(readCommitted)) // of no replica
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.of)))
	for topic, partitions := range r.of {
		b = binary.BigEndian.AppendUint16(b, uint16(len(topic)))
		b = append(b, topic...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(partitions)))
		for _, p := range partitions {
			b = binary.BigEndian.AppendUint32(b, uint32(p))
			b = binary.BigEndian.AppendUint64(b, r.at)
		}
	}
	answer, err := askRaw(rw, b, maxTold)
	if err != nil {
		return nil, err
	}
	return readEnds(answer)
}

var errEndsCutShort = errors.New("an answer about the ends of partitions that is cut short")

func readEnds(a told) (*endsResponse, error) {
	a.skip(4) // throttled
	r := &endsResponse{}
	if len(a) < 4 {
		return nil, errEndsCutShort
	}
	for topics := a.int32(); topics > 0; topics-- {
		if len(a) == 0 {
			return nil, errEndsCutShort
		}
		name := a.text()
		if len(a) < 4 {
			return nil, errEndsCutShort
		}
		for n := a.int32(); n > 0; n-- {
			if len(a) < 4+2+8+8 {
				return nil, errEndsCutShort
			}
			e := endOf{place: place{name, a.int32()}, code: a.int16()}
			a.skip(8) // a time
			e.end = a.int64()
			r.ends = append(r.ends, e)
		}
	}
	return r, nil
}
