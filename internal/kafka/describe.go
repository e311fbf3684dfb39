package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
)

// ClusterInfo is what a cluster says of itself.
type ClusterInfo struct {
	// ID tells it from all other clusters, whatever the addresses.
	ID string
	// Topics are those that the principal may describe, by name, Kafka's own as well.
	Topics []TopicInfo
}

// Describe tells what the cluster is and has, as of a moment ago. A topic that has no
// leader at the moment may be missing.
func (c *Client) Describe(ctx context.Context) (info ClusterInfo, err error) {
	err = c.persist(ctx, "describe the cluster", needs{}, func() error {
		m, err := c.metadata(ctx)
		if err != nil {
			return err
		}
		info = ClusterInfo{ID: m.ClusterID}
		for i := range m.Topics {
			if t := &m.Topics[i]; t.ErrorCode == 0 {
				info.Topics = append(info.Topics, topicInfo(t))
			}
		}
		return nil
	})
	slices.SortFunc(info.Topics, func(a, b TopicInfo) int { return strings.Compare(a.Name, b.Name) })
	return info, err
}

// TopicSettings are the settings of a topic, by name.
type TopicSettings struct {
	// Applied are as the brokers apply them, and Own those of them that were set at the topic
	// itself.
	Applied, Own map[string]string
}

// Settings are those of topics, by topic and name, as the brokers apply them. A topic that
// does not exist is left out.
func (c *Client) Settings(ctx context.Context, topics []string) (settings map[string]map[string]string, err error) {
	all, err := c.TopicSettings(ctx, topics)
	if all == nil {
		return nil, err
	}
	settings = map[string]map[string]string{}
	for name, of := range all {
		settings[name] = of.Applied
	}
	return settings, err
}

// TopicSettings are the settings of topics, by topic. A topic that does not exist is left out.
func (c *Client) TopicSettings(ctx context.Context, topics []string) (settings map[string]TopicSettings, err error) {
	if len(topics) == 0 {
		return nil, nil
	}
	err = c.persist(ctx, "read the settings of topics", needs{}, func() error {
		settings, err = c.settings(ctx, topics)
		return err
	})
	return settings, err
}

// ofTopic is the source of a setting that was set at the topic itself.
const ofTopic = 1

// settings reads the topics' settings once.
func (c *Client) settings(ctx context.Context, topics []string) (map[string]TopicSettings, error) {
	req := &kafkago.DescribeConfigsRequest{}
	for _, name := range topics {
		req.Resources = append(req.Resources, kafkago.DescribeConfigRequestResource{ResourceType: kafkago.ResourceTypeTopic, ResourceName: name})
	}
	r, err := c.api.DescribeConfigs(ctx, req)
	if err != nil {
		return nil, err
	}
	out := map[string]TopicSettings{}
	for _, res := range r.Resources {
		if errors.Is(res.Error, kafkago.UnknownTopicOrPartition) {
			continue
		}
		if res.Error != nil {
			return nil, fmt.Errorf("read the settings of topic %s: %w", res.ResourceName,
				c.denied(needs{topic: res.ResourceName, onTopic: "DescribeConfigs"}, res.Error))
		}
		of := TopicSettings{Applied: map[string]string{}, Own: map[string]string{}}
		for _, e := range res.ConfigEntries {
			if of.Applied[e.ConfigName] = e.ConfigValue; e.ConfigSource == ofTopic {
				of.Own[e.ConfigName] = e.ConfigValue
			}
		}
		out[res.ResourceName] = of
	}
	return out, nil
}
