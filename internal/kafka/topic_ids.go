package kafka

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go/protocol"
)

// TopicIDs are the IDs of topics as a broker knows them (see TopicID, which asks the leader): one
// request for all, which is not tried again. Topics that it does not know, or that have no ID, are
// left out.
func (c *Client) TopicIDs(ctx context.Context, topics []string) (map[string]string, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	r, err := ask[*topicIDsResponse](ctx, c, &topicIDsRequest{client: c, topics: topics})
	if err != nil {
		return nil, fmt.Errorf("ask for the IDs of %d topics: %w", len(topics), err)
	}
	return r.ids, nil
}

// topicIDsRequest is a topicIDRequest of many topics, to any broker.
type topicIDsRequest struct {
	client *Client
	topics []string
}

type topicIDsResponse struct{ ids map[string]string }

func (*topicIDsRequest) ApiKey() protocol.ApiKey  { return protocol.Metadata }
func (*topicIDsResponse) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Broker routes the request to the broker of the lowest ID.
func (r *topicIDsRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	ids := slices.Sorted(maps.Keys(cluster.Brokers))
	if len(ids) == 0 {
		return protocol.Broker{ID: -1}, errNoBroker
	}
	return cluster.Brokers[ids[0]], nil
}

// Required has kafka-go call RawExchange.
func (*topicIDsRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange sends the request on a connection.
func (r *topicIDsRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	answer, err := r.client.askIDs(rw, r.topics...)
	switch {
	case err != nil:
		return nil, err
	case answer == nil:
		return &topicIDsResponse{}, nil
	}
	return readTopicIDs(answer)
}

// readTopicIDs reads an answer of Metadata 10 as far as the IDs of its topics.
func readTopicIDs(a told) (*topicIDsResponse, error) {
	r := &topicIDsResponse{ids: map[string]string{}}
	for n := a.topics(); n > 0; n-- {
		code, name := a.int16(), a.bytes(a.count())
		if len(a) < 16+1 {
			return nil, errCutShort
		}
		id := a.topicID()
		a.skip(1) // internal
		for partitions := a.count(); partitions > 0 && len(a) > 0; partitions-- {
			a.skip(2 + 4 + 4 + 4) // what is wrong, its number, leader and epoch
			for range 3 {         // replicas: all, those in sync, those that are away
				a.skip(4 * a.count())
			}
			a.tags()
		}
		if len(a) < 4+1 {
			return nil, errCutShort
		}
		a.skip(4) // rights
		if a.tags(); code == 0 && id != "" {
			r.ids[string(name)] = id
		}
	}
	return r, nil
}
