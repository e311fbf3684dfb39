package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/describegroups"
	"github.com/segmentio/kafka-go/protocol/endtxn"
)

// GroupRights asks what the principal may do with consumer groups (KIP-430), be they there or
// not. Of a group that it may not describe it may do nothing, for every other right includes
// that one. A group of which the broker tells nothing is left out.
func (c *Client) GroupRights(ctx context.Context, groups []string) (map[string][]string, error) {
	rights := map[string][]string{}
	for _, group := range groups {
		err := c.persist(ctx, "ask for the rights on group "+group, needs{}, func() error {
			r, err := ask[*describegroups.Response](ctx, c, &describegroups.Request{Groups: []string{group}, IncludeAuthorizedOperations: true})
			if errors.Is(err, kafkago.GroupAuthorizationFailed) { // By who looks for its coordinator.
				rights[group] = []string{}
				return nil
			}
			if err != nil {
				return err
			}
			if len(r.Groups) != 1 {
				return errors.New("the answer does not name the one group that was asked for")
			}
			code, bits := kafkago.Error(r.Groups[0].ErrorCode), r.Groups[0].AuthorizedOperations
			switch {
			case errors.Is(code, kafkago.GroupAuthorizationFailed):
				rights[group] = []string{}
			case code != 0 && !errors.Is(code, kafkago.GroupIdNotFound):
				return code
			case bits > 0: // It told: none at all are not possible for who may describe it.
				rights[group] = operations(bits)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rights, nil
}

// MayFence tells whether the principal may Write with a transactional ID, of which brokers tell
// no rights. It asks a broker to end a transaction that there is not, under an ID that nobody
// uses: what is not allowed is refused before the ID is looked up, and nothing is changed.
func (c *Client) MayFence(ctx context.Context, unused string) (may bool, err error) {
	err = c.persist(ctx, "ask for the rights on transactional ID "+unused, needs{}, func() error {
		m, err := c.askAny(ctx, &endtxn.Request{TransactionalID: unused, ProducerID: -1, ProducerEpoch: -1}, map[protocol.ApiKey]int16{protocol.EndTxn: 1})
		if err != nil {
			return err
		}
		r, ok := m.(*endtxn.Response)
		if !ok {
			return fmt.Errorf("an answer of type %T", m)
		}
		switch code := kafkago.Error(r.ErrorCode); {
		case errors.Is(code, kafkago.TransactionalIDAuthorizationFailed):
			may = false
		case errors.Is(code, kafkago.InvalidProducerIDMapping), errors.Is(code, kafkago.NotCoordinatorForGroup),
			errors.Is(code, kafkago.GroupCoordinatorNotAvailable), errors.Is(code, kafkago.GroupLoadInProgress):
			may = true
		default:
			return fmt.Errorf("end a transaction that there is not: the broker answers %d: %w", r.ErrorCode, code)
		}
		return nil
	})
	return may, err
}
