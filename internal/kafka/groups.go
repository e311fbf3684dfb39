package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describegroups"
)

// Groups are the names of the consumer groups that the principal may describe.
func (c *Client) Groups(ctx context.Context) (names []string, err error) {
	err = c.persist(ctx, "list the consumer groups", needs{onCluster: "Describe"}, func() error {
		r, err := c.api.ListGroups(ctx, &kafkago.ListGroupsRequest{})
		if err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		names = names[:0]
		for _, g := range r.Groups {
			if g.ProtocolType == "consumer" || g.ProtocolType == "" { // of a group without members it may be empty
				names = append(names, g.GroupID)
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// Members is how many members a consumer group has; 0 if there is no such group.
func (c *Client) Members(ctx context.Context, group string) (n int, err error) {
	of := needs{group: group, onGroup: "Describe"}
	err = c.persist(ctx, "describe group "+group, of, func() error {
		m, err := c.roundTrip(ctx, &describegroups.Request{Groups: []string{group}}, requestTimeout)
		if err != nil {
			return err
		}
		r, ok := m.(*describegroups.Response)
		if !ok || len(r.Groups) != 1 {
			return errors.New("the answer does not name the one group that was asked for")
		}
		switch code := r.Groups[0].ErrorCode; {
		case errors.Is(kafkago.Error(code), kafkago.GroupIdNotFound):
			n = 0
		case code != 0:
			return c.denied(of, kafkago.Error(code))
		default:
			n = len(r.Groups[0].Members)
		}
		return nil
	})
	return n, err
}

// Committed is where a consumer group goes on in the partitions of a topic, as far as it
// has committed offsets for them.
func (c *Client) Committed(ctx context.Context, group, topic string, partitions int32) (offsets map[int32]int64, err error) {
	of := needs{group: group, onGroup: "Describe", topic: topic, onTopic: "Describe"}
	ids := make([]int, partitions)
	for i := range ids {
		ids[i] = i
	}
	err = c.persist(ctx, fmt.Sprintf("read what group %s has committed for topic %s", group, topic), of, func() error {
		r, err := c.api.OffsetFetch(ctx, &kafkago.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: ids}})
		if err == nil {
			err = r.Error
		}
		offsets = map[int32]int64{}
		if errors.Is(err, kafkago.GroupIdNotFound) {
			return nil
		}
		if err != nil {
			return c.denied(of, err)
		}
		for _, p := range r.Topics[topic] {
			if p.Error != nil {
				return c.denied(of, p.Error)
			}
			if p.CommittedOffset >= 0 {
				offsets[int32(p.Partition)] = p.CommittedOffset
			}
		}
		return nil
	})
	return offsets, err
}

// SetCommitted commits offsets of a topic for a consumer group that has no members. The
// brokers refuse it for one that has some.
func (c *Client) SetCommitted(ctx context.Context, group, topic string, offsets map[int32]int64) error {
	of := needs{group: group, onGroup: "Read", topic: topic, onTopic: "Read"}
	var commits []kafkago.OffsetCommit
	for p := range offsets {
		commits = append(commits, kafkago.OffsetCommit{Partition: int(p), Offset: offsets[p]})
	}
	return c.persist(ctx, fmt.Sprintf("commit offsets of topic %s for group %s", topic, group), of, func() error {
		r, err := c.api.OffsetCommit(ctx, &kafkago.OffsetCommitRequest{
			GroupID: group, GenerationID: -1, Topics: map[string][]kafkago.OffsetCommit{topic: commits},
		})
		if err != nil {
			return c.denied(of, err)
		}
		for _, p := range r.Topics[topic] {
			if errors.Is(p.Error, kafkago.UnknownMemberId) || errors.Is(p.Error, kafkago.IllegalGeneration) {
				return &GroupInUse{Group: group, Err: p.Error}
			}
			if p.Error != nil {
				return c.denied(of, p.Error)
			}
		}
		return nil
	})
}

// GroupInUse means that a consumer group has members, so that only these can commit.
type GroupInUse struct {
	Group string
	Err   error
}

func (e *GroupInUse) Error() string {
	return fmt.Sprintf("group %s has members, and only they can commit for it: stop them first: %v", e.Group, e.Err)
}

func (e *GroupInUse) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *GroupInUse) ErrorType() string { return "GROUP_IN_USE" }
