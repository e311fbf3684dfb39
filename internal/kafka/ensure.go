package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/spanway/spanway/pkg/events"
)

// Replication that survives the loss of a broker without losing records: so many replicas,
// of which so many are in sync when a record is acknowledged.
const (
	WantReplicas  = 3
	WantMinInSync = 2
)

const (
	minInSync        = "min.insync.replicas"
	uncleanElection  = "unclean.leader.election.enable"
	maxMessageBytes  = "max.message.bytes"
	cleanupPolicy    = "cleanup.policy"
	timestampType    = "message.timestamp.type"
	retentionMillis  = "retention.ms"
	retentionInBytes = "retention.bytes"
)

// Ensure creates the topics that are missing, with as many replicas as the
// cluster has brokers but at most three, and verifies all of them. A partition
// count that differs is an error, as is a setting under which records would be
// lost or refused; both name what to do. Warnings (each begins with "dev: ")
// say where the replication is too low for production.
func (c *Client) Ensure(ctx context.Context, topics []events.TopicSpec) (warnings []string, err error) {
	err = c.persist(ctx, "create and verify the topics", needs{}, func() error {
		m, err := c.metadata(ctx)
		if err != nil {
			return err
		}
		if err := c.createMissing(ctx, m, topics); err != nil {
			return err
		}
		if m, err = c.metadata(ctx); err != nil {
			return err
		}
		warnings, err = c.verify(ctx, m, topics)
		return err
	})
	var wrong *Misconfigured
	if errors.As(err, &wrong) {
		return nil, err
	}
	return warnings, err
}

// Misconfigured means that a topic exists and must not be used as it is, and says what to do.
type Misconfigured struct{ Topic, Problem, Remedy string }

func (e *Misconfigured) Error() string {
	return fmt.Sprintf("topic %s %s; %s", e.Topic, e.Problem, e.Remedy)
}

func (c *Client) createMissing(ctx context.Context, m *metadata.Response, topics []events.TopicSpec) error {
	var missing []kafkago.TopicConfig
	replicas := min(WantReplicas, len(m.Brokers))
	for _, spec := range topics {
		if find(m, spec.Name) == nil {
			missing = append(missing, topicConfig(spec, replicas))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := c.mayKnow(ctx, missing); err != nil {
		return err
	}
	r, err := c.api.CreateTopics(ctx, &kafkago.CreateTopicsRequest{Topics: missing})
	if err != nil {
		return err
	}
	for _, t := range missing {
		if err := r.Errors[t.Topic]; err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s with %d partitions and %d replicas: %w", t.Topic, t.NumPartitions, t.ReplicationFactor,
				c.denied(needs{topic: t.Topic, onTopic: "Create", onCluster: "Create"}, err))
		}
	}
	return nil
}

// mayKnow returns an error if topics are missing only because they are not to be known.
func (c *Client) mayKnow(ctx context.Context, missing []kafkago.TopicConfig) error {
	names := make([]string, len(missing))
	for i, t := range missing {
		names[i] = t.Topic
	}
	hidden := c.askFor(ctx, names)
	for _, name := range names {
		if err := hidden[name]; err != nil {
			return c.denied(needs{topic: name, onTopic: "Describe"}, err)
		}
	}
	return nil
}

func topicConfig(spec events.TopicSpec, replicas int) kafkago.TopicConfig {
	t := kafkago.TopicConfig{Topic: spec.Name, NumPartitions: int(spec.Partitions), ReplicationFactor: replicas}
	for _, name := range sortedKeys(spec.Config) {
		t.ConfigEntries = append(t.ConfigEntries, kafkago.ConfigEntry{ConfigName: name, ConfigValue: spec.Config[name]})
	}
	if _, chosen := spec.Config[minInSync]; !chosen && replicas >= WantReplicas {
		t.ConfigEntries = append(t.ConfigEntries, kafkago.ConfigEntry{ConfigName: minInSync, ConfigValue: strconv.Itoa(WantMinInSync)})
	}
	return t
}

func find(m *metadata.Response, topic string) *metadata.ResponseTopic {
	for i := range m.Topics {
		if t := &m.Topics[i]; t.Name == topic && t.ErrorCode == 0 {
			return t
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// verify compares the topics with what they must be.
func (c *Client) verify(ctx context.Context, m *metadata.Response, topics []events.TopicSpec) ([]string, error) {
	names := make([]string, len(topics))
	for i := range topics {
		names[i] = topics[i].Name
	}
	all, err := c.settings(ctx, names)
	if err != nil {
		return nil, err
	}
	var warnings []string
	for _, spec := range topics {
		t := find(m, spec.Name)
		// What a client knows of its cluster may be of a topic that was deleted since; its
		// settings are asked for now.
		if _, there := all[spec.Name]; t == nil || !there {
			// It was there or created a moment ago, so it is waited for, however busy the brokers are.
			return nil, fmt.Errorf("topic %s is not known everywhere yet: %w", spec.Name, kafkago.LeaderNotAvailable)
		}
		for i := range t.Partitions {
			if t.Partitions[i].LeaderID < 0 {
				return nil, fmt.Errorf("topic %s partition %d: %w", spec.Name, t.Partitions[i].PartitionIndex, kafkago.LeaderNotAvailable)
			}
		}
		info := topicInfo(t)
		if err := misconfigured(info, all[spec.Name].Applied, spec); err != nil {
			return nil, err
		}
		warnings = append(warnings, replicationWarnings(info, all[spec.Name].Applied)...)
	}
	return warnings, nil
}

// misconfigured is a *Misconfigured if a topic must not be used as it is.
func misconfigured(info TopicInfo, settings map[string]string, spec events.TopicSpec) error {
	if info.Partitions != spec.Partitions {
		return &Misconfigured{spec.Name, fmt.Sprintf("has %d partitions and must have %d", info.Partitions, spec.Partitions),
			"the count decides where every key goes, so do not change it: use another topic prefix, or delete the topic if its records are not needed"}
	}
	for _, name := range sortedKeys(spec.Config) {
		if got, known := settings[name]; known && !suffices(name, got, spec.Config[name]) {
			return &Misconfigured{spec.Name, fmt.Sprintf("has %s=%s and needs %s", name, got, spec.Config[name]),
				fmt.Sprintf("change it with kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s", spec.Name, name, spec.Config[name])}
		}
	}
	return nil
}

// suffices reports whether a setting keeps at least what is needed. More
// retention or larger messages than needed are the operator's choice.
func suffices(name, got, need string) bool {
	if got == need {
		return true
	}
	switch name {
	case retentionMillis, retentionInBytes, maxMessageBytes:
		g, err1 := strconv.ParseInt(got, 10, 64)
		n, err2 := strconv.ParseInt(need, 10, 64)
		unlimited := g < 0 && name != maxMessageBytes
		return err1 == nil && err2 == nil && (unlimited || n >= 0 && g >= n)
	case cleanupPolicy, timestampType:
		return false
	}
	return true
}

func replicationWarnings(t TopicInfo, settings map[string]string) []string {
	var w []string
	if t.Replicas < WantReplicas {
		w = append(w, fmt.Sprintf("dev: topic %s has %d replicas; production needs %d", t.Name, t.Replicas, WantReplicas))
	}
	if n, err := strconv.Atoi(settings[minInSync]); err == nil && n < WantMinInSync {
		w = append(w, fmt.Sprintf("dev: topic %s has %s=%d; production needs %d", t.Name, minInSync, n, WantMinInSync))
	}
	if strings.EqualFold(settings[uncleanElection], "true") {
		w = append(w, fmt.Sprintf("dev: topic %s has %s=true, which can lose acknowledged records", t.Name, uncleanElection))
	}
	return w
}
