package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/pkg/events"
)

// Create creates a topic with as many replicas as Ensure would, and leaves one that exists
// as it is. A name, a setting or a number of partitions that the cluster does not take is a
// *TopicRefused.
func (c *Client) Create(ctx context.Context, spec events.TopicSpec) error {
	n := needs{topic: spec.Name, onTopic: "Create", onCluster: "Create"}
	what := fmt.Sprintf("create topic %s with %d partitions", spec.Name, spec.Partitions)
	return c.persist(ctx, what, n, func() error {
		answers, err := c.createOnce(ctx, spec)
		if err != nil {
			return err
		}
		return refusedTopic(spec.Name, answers[spec.Name])
	})
}

// CreateAll creates topics as Create does, in one request, and returns what the cluster answered
// of those that it did not create: they may be created one by one, which tells what is the
// matter, and tries again. If the request fails there is one error for all.
func (c *Client) CreateAll(ctx context.Context, specs []events.TopicSpec) (failed map[string]error, err error) {
	what := fmt.Sprintf("create %d topics", len(specs))
	err = c.persist(ctx, what, needs{onCluster: "Create"}, func() (err error) {
		failed, err = c.createOnce(ctx, specs...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return failed, nil
}

// createOnce asks once for topics to be created, and returns what was answered of those that are
// not there now.
func (c *Client) createOnce(ctx context.Context, specs ...events.TopicSpec) (failed map[string]error, err error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	configs := make([]kafkago.TopicConfig, len(specs))
	for i := range specs {
		configs[i] = topicConfig(specs[i], min(WantReplicas, len(m.Brokers)))
	}
	r, err := c.api.CreateTopics(ctx, &kafkago.CreateTopicsRequest{Topics: configs})
	if err != nil {
		return nil, err
	}
	failed = map[string]error{}
	for name, err := range r.Errors {
		if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
			failed[name] = err
		}
	}
	return failed, nil
}

// Grow gives a topic more partitions, so that it has at least as many as given. Where they
// cannot be had the error is a *TopicRefused.
func (c *Client) Grow(ctx context.Context, topic string, partitions int32) error {
	n := needs{topic: topic, onTopic: "Alter"}
	return c.persist(ctx, fmt.Sprintf("give topic %s %d partitions", topic, partitions), n, func() error {
		r, err := c.api.CreatePartitions(ctx, &kafkago.CreatePartitionsRequest{Topics: []kafkago.TopicPartitionsConfig{{Name: topic, Count: partitions}}})
		if err == nil {
			err = r.Errors[topic]
		}
		if errors.Is(err, kafkago.InvalidPartitionNumber) && partitions > 0 {
			return nil // It has them: the only number that the broker does not take is one that is not above.
		}
		return refusedTopic(topic, err)
	})
}

// Set changes settings of a topic, and leaves its others. One that the cluster does not
// take is a *TopicRefused, and then none was changed.
func (c *Client) Set(ctx context.Context, topic string, settings map[string]string) error {
	if len(settings) == 0 {
		return nil
	}
	of := kafkago.IncrementalAlterConfigsRequestResource{ResourceType: kafkago.ResourceTypeTopic, ResourceName: topic}
	for _, name := range sortedKeys(settings) {
		of.Configs = append(of.Configs, kafkago.IncrementalAlterConfigsRequestConfig{Name: name, Value: settings[name], ConfigOperation: kafkago.ConfigOperationSet})
	}
	n := needs{topic: topic, onTopic: "AlterConfigs"}
	return c.persist(ctx, "change the settings of topic "+topic, n, func() error {
		r, err := c.api.IncrementalAlterConfigs(ctx, &kafkago.IncrementalAlterConfigsRequest{Resources: []kafkago.IncrementalAlterConfigsRequestResource{of}})
		if err != nil {
			return err
		}
		for _, res := range r.Resources {
			if res.Error != nil {
				return refusedTopic(topic, res.Error)
			}
		}
		return nil
	})
}

// TopicRefused means that the cluster does not take a topic, or a change of it, as asked:
// trying again does not help.
type TopicRefused struct {
	Topic string
	Err   error
}

func (e *TopicRefused) Error() string {
	return fmt.Sprintf("the cluster refuses it for topic %s: %v", e.Topic, e.Err)
}

func (e *TopicRefused) Unwrap() error { return e.Err }

// ErrorType is the class of the error in metrics and traces.
func (e *TopicRefused) ErrorType() string { return "TOPIC_REFUSED" }

// refusedTopic tells an answer that will be the same the next time from others.
func refusedTopic(topic string, err error) error {
	var code kafkago.Error
	if !errors.As(err, &code) {
		return err
	}
	switch code {
	case kafkago.InvalidTopic, kafkago.InvalidPartitionNumber, kafkago.InvalidReplicationFactor, kafkago.InvalidReplicaAssignment,
		kafkago.InvalidConfiguration, kafkago.InvalidRequest, kafkago.PolicyViolation, kafkago.UnsupportedVersion:
		return &TopicRefused{Topic: topic, Err: err}
	}
	return err
}
