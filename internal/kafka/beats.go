package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
)

// A member learns by the answer to a heartbeat that its group forms anew. Where that means
// that another member is gone, nobody has its partitions meanwhile, so it is to be soon.
// A member that is alone can only be joined by another one, and works on until then.
const (
	aloneInterval   = time.Second
	companyInterval = 300 * time.Millisecond
)

// balancer gives partitions to members in ranges, and notes how many members there are: the
// one that leads a group learns it, and one that is alone leads.
type balancer struct {
	kafkago.RangeGroupBalancer
	members atomic.Int32 // 0 where another one has led
}

// AssignGroups implements kafkago.GroupBalancer.
func (b *balancer) AssignGroups(members []kafkago.GroupMember, partitions []kafkago.Partition) kafkago.GroupMemberAssignments {
	b.members.Store(int32(len(members)))
	return b.RangeGroupBalancer.AssignGroups(members, partitions)
}

// alone reports whether a member is alone in the generation that it has entered.
func (b *balancer) alone() bool { return b.members.Swap(0) == 1 }

// accompany sends heartbeats besides those of kafka-go until the generation is over, and ends
// it if the coordinator says that it is. All else that is in the way kafka-go meets, too.
func (c *Client) accompany(of *kafkago.Generation) {
	of.Start(func(ctx context.Context) {
		tick := time.NewTicker(companyInterval)
		defer tick.Stop()
		node := int32(-1)
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			var err error
			if node < 0 {
				node, err = c.coordinator(ctx, of.GroupID, kafkago.CoordinatorKeyTypeConsumer)
			}
			if err == nil {
				err = c.beatOnce(ctx, node, of)
			}
			switch {
			case errors.Is(err, kafkago.RebalanceInProgress), errors.Is(err, kafkago.IllegalGeneration), errors.Is(err, kafkago.UnknownMemberId):
				return
			case err != nil:
				node = -1 // Another one may be the coordinator.
			}
		}
	})
}

func (c *Client) beatOnce(ctx context.Context, node int32, of *kafkago.Generation) error {
	r, err := ask[*beatResponse](ctx, c, &beatRequest{client: c, node: node, of: of})
	if err != nil {
		return err
	}
	return failure("send a heartbeat", r.code)
}

// coordinator is the broker that coordinates a group or a transactional ID.
func (c *Client) coordinator(ctx context.Context, key string, of kafkago.CoordinatorKeyType) (int32, error) {
	r, err := ask[*findcoordinator.Response](ctx, c, &findcoordinator.Request{Key: key, KeyType: int8(of)})
	if err != nil {
		return -1, err
	}
	if r.ErrorCode != 0 {
		return -1, kafkago.Error(r.ErrorCode)
	}
	return r.NodeID, nil
}

// beatRequest is a Heartbeat request of version 0. That of kafka-go asks for the coordinator
// each time.
type beatRequest struct {
	client *Client
	node   int32
	of     *kafkago.Generation
}

type beatResponse struct{ code int16 }

// ApiKey implements protocol.Message.
func (*beatRequest) ApiKey() protocol.ApiKey { return protocol.Heartbeat }

// ApiKey implements protocol.Message.
func (*beatResponse) ApiKey() protocol.ApiKey { return protocol.Heartbeat }

// Broker routes the request.
func (r *beatRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, ok := cluster.Brokers[r.node]
	if !ok {
		return protocol.Broker{ID: -1}, fmt.Errorf("broker %d is not known: %w", r.node, kafkago.BrokerNotAvailable)
	}
	return b, nil
}

// Required has kafka-go call RawExchange.
func (*beatRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange sends the request on a connection.
func (r *beatRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	b := rawHeader(r.client.config.ClientID, protocol.Heartbeat, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.of.GroupID)))
	b = append(b, r.of.GroupID...)
	b = binary.BigEndian.AppendUint32(b, uint32(r.of.ID))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.of.MemberID)))
	b = append(b, r.of.MemberID...)
	answer, err := askRaw(rw, b, maxTold)
	if err != nil {
		return nil, err
	}
	if len(answer) < 2 {
		return nil, errBeatCutShort
	}
	return &beatResponse{code: answer.int16()}, nil
}

var errBeatCutShort = errors.New("an answer to a heartbeat that is cut short")
