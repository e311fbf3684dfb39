package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// TopicInfo is what the cluster says of a topic.
type TopicInfo struct {
	Name       string
	Partitions int32
	// Replicas is the least number of replicas that a partition of it has.
	Replicas int
	// Internal says that Kafka keeps it for itself.
	Internal bool
}

// Topics lists the topics whose names begin with prefix, by name. A topic made
// through another client may be missing for a moment.
func (c *Client) Topics(ctx context.Context, prefix string) ([]TopicInfo, error) {
	var topics []TopicInfo
	err := c.persist(ctx, "list the topics", needs{}, func() error {
		m, err := c.metadata(ctx)
		if err != nil {
			return err
		}
		topics = topics[:0]
		for i := range m.Topics {
			t := &m.Topics[i]
			if t.ErrorCode == 0 && !t.IsInternal && strings.HasPrefix(t.Name, prefix) {
				topics = append(topics, topicInfo(t))
			}
		}
		return nil
	})
	slices.SortFunc(topics, func(a, b TopicInfo) int { return strings.Compare(a.Name, b.Name) })
	return topics, err
}

func topicInfo(t *metadata.ResponseTopic) TopicInfo {
	info := TopicInfo{Name: t.Name, Partitions: int32(len(t.Partitions)), Internal: t.IsInternal}
	for i := range t.Partitions {
		if n := len(t.Partitions[i].ReplicaNodes); i == 0 || n < info.Replicas {
			info.Replicas = n
		}
	}
	return info
}

// Partitions is how many partitions a topic has, as of a moment ago, so that a
// new one may be missing for a quarter of a second; 0 if there is no such topic.
func (c *Client) Partitions(ctx context.Context, topic string) (count int32, err error) {
	n := needs{topic: topic, onTopic: "Describe"}
	err = c.persist(ctx, "look for topic "+topic, n, func() error {
		c.know(ctx, time.Now().Add(-metadataAge))
		m, err := c.roundTrip(ctx, &metadata.Request{TopicNames: []string{topic}}, requestTimeout)
		if err != nil {
			return err
		}
		count = 0
		if r, ok := m.(*metadata.Response); ok {
			if t := find(r, topic); t != nil {
				count = int32(len(t.Partitions))
			}
		}
		if count == 0 {
			return c.denied(n, c.hidden(ctx, topic))
		}
		return nil
	})
	return count, err
}

// AwaitTopic is Partitions for a topic that must exist: one that is not known
// is waited for, as long as it takes until a new one is known everywhere.
func (c *Client) AwaitTopic(ctx context.Context, topic string) (n int32, err error) {
	err = c.persist(ctx, "look for topic "+topic, needs{}, func() error {
		if n, err = c.Partitions(ctx, topic); err == nil && n == 0 {
			return kafkago.UnknownTopicOrPartition
		}
		return err
	})
	return n, err
}

// DeleteTopics deletes topics and all that they hold; one that does not exist is
// no error.
func (c *Client) DeleteTopics(ctx context.Context, names []string) error {
	return c.persist(ctx, "delete the topics "+strings.Join(names, ", "), needs{}, func() error {
		r, err := c.api.DeleteTopics(ctx, &kafkago.DeleteTopicsRequest{Topics: names})
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := r.Errors[name]; err != nil && !errors.Is(err, kafkago.UnknownTopicOrPartition) {
				return fmt.Errorf("topic %s: %w", name, c.denied(needs{topic: name, onTopic: "Delete"}, err))
			}
		}
		return nil
	})
}

// Check connects to the brokers to begin with, one after the other, until one
// answers; if none does, the error is the last one's.
func (c *Client) Check(ctx context.Context) (err error) {
	if c.isClosed() {
		return errClosed
	}
	for _, address := range c.config.Brokers {
		if _, err = c.askBroker(ctx, address, &metadata.Request{TopicNames: []string{}}); err == nil {
			return nil
		}
	}
	return c.gaveUp(ctx, "ask a broker for an answer", err)
}

// Answers asks the cluster for something that is not known already: what Describe tells may be
// remembered of a cluster that is away.
func (c *Client) Answers(ctx context.Context) error {
	return c.persist(ctx, "ask for an answer", needs{}, func() error {
		_, err := c.api.ApiVersions(ctx, &kafkago.ApiVersionsRequest{})
		return err
	})
}

// metadata is the Transport's view of the cluster, at most metadataAge old
// while the cluster answers.
func (c *Client) metadata(ctx context.Context) (*metadata.Response, error) {
	c.know(ctx, time.Now().Add(-metadataAge))
	m, err := c.roundTrip(ctx, &metadata.Request{}, requestTimeout)
	if err != nil {
		return nil, err
	}
	r, ok := m.(*metadata.Response)
	if !ok {
		return nil, fmt.Errorf("an answer of type %T", m)
	}
	return r, nil
}

// Offsets returns what a partition holds: start is the first offset still kept
// and end the one that the next record will get, or that the first open
// transaction got.
func (c *Client) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return c.ends(ctx, topic, partition, readCommitted)
}

// Written is the offset that the next record of a partition will get, behind open transactions.
func (c *Client) Written(ctx context.Context, topic string, partition int32) (end int64, err error) {
	_, end, err = c.ends(ctx, topic, partition, readUncommitted)
	return end, err
}

// ends is Offsets; uncommitted, end is that behind open transactions.
func (c *Client) ends(ctx context.Context, topic string, partition int32, isolation int8) (start, end int64, err error) {
	id := int(partition)
	describe := needs{topic: topic, onTopic: "Describe"}
	err = c.persist(ctx, fmt.Sprintf("read the offsets of %s/%d", topic, partition), describe, func() error {
		r, err := c.api.ListOffsets(ctx, &kafkago.ListOffsetsRequest{
			IsolationLevel: kafkago.IsolationLevel(isolation),
			Topics:         map[string][]kafkago.OffsetRequest{topic: {kafkago.FirstOffsetOf(id), kafkago.LastOffsetOf(id)}},
		})
		if err != nil {
			return err
		}
		answers := r.Topics[topic]
		if len(answers) != 1 {
			return fmt.Errorf("%d answers for one partition", len(answers))
		}
		start, end = answers[0].FirstOffset, answers[0].LastOffset
		if answers[0].Error != nil {
			return answers[0].Error
		}
		if start < 0 || end < start {
			return fmt.Errorf("the broker says [%d, %d)", start, end)
		}
		return nil
	})
	return start, end, err
}

// persist tries an operation that changes nothing until it succeeds, is denied,
// or the RetryBudget or ctx ends. n is the right that it takes.
func (c *Client) persist(ctx context.Context, what string, n needs, try func() error) error {
	retry := c.retrier(0, func() string { return what })
	defer retry.try.End()
	soon := time.Now().Add(unknownTopicBudget)
	for {
		err := try()
		if err == nil {
			retry.try.Passed()
			return nil
		}
		c.noticeBroken(ctx, err)
		err = c.because(ctx, n, err)
		if errors.Is(err, kafkago.UnknownTopicOrPartition) && soon.Before(retry.until) {
			retry.until = soon
		}
		if cl := classify(err); cl == denied || cl == refused || ctx.Err() != nil || !retry.wait(ctx, err) {
			return c.gaveUp(ctx, what, err)
		}
	}
}
