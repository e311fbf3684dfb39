package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Broker is one of a cluster, as it answers for itself.
type Broker struct {
	ID            int32
	Address, Rack string
	// Version is which version of Kafka it most likely is, such as v4.3: a broker tells only
	// which requests it knows. It is empty if it does not answer, and Err says why.
	Version string
	Err     error
}

// Brokers asks each broker of the cluster, once.
func (c *Client) Brokers(ctx context.Context) ([]Broker, error) {
	m, err := c.brokersOf(ctx)
	if err != nil {
		return nil, err
	}
	brokers := make([]Broker, 0, len(m.Brokers))
	for _, b := range m.Brokers {
		found := Broker{ID: b.NodeID, Address: fmt.Sprintf("%s:%d", b.Host, b.Port), Rack: b.Rack}
		found.Version, found.Err = c.version(ctx, found.Address)
		brokers = append(brokers, found)
	}
	slices.SortFunc(brokers, func(a, b Broker) int { return int(a.ID) - int(b.ID) })
	return brokers, nil
}

func (c *Client) brokersOf(ctx context.Context) (m *metadata.Response, err error) {
	err = c.persist(ctx, "ask for the brokers", needs{}, func() error {
		m, err = c.metadata(ctx)
		return err
	})
	return m, err
}

func (c *Client) version(ctx context.Context, address string) (string, error) {
	m, err := c.askBroker(ctx, address, &apiversions.Request{})
	if err != nil {
		return "", err
	}
	told, ok := m.(*apiversions.Response)
	if !ok || told.ErrorCode != 0 {
		return "", fmt.Errorf("ask broker %s for its versions: %w", address, kafkago.Error(told.ErrorCode))
	}
	var r kmsg.ApiVersionsResponse
	for _, k := range told.ApiKeys {
		r.ApiKeys = append(r.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: k.ApiKey, MinVersion: k.MinVersion, MaxVersion: k.MaxVersion})
	}
	return kversion.FromApiVersionsResponse(&r).VersionGuess(), nil
}

// BrokerSettings are those of a broker, by name; those that it keeps secret are empty.
func (c *Client) BrokerSettings(ctx context.Context, broker int32) (settings map[string]string, err error) {
	right := needs{onCluster: "DescribeConfigs"}
	id := strconv.Itoa(int(broker))
	err = c.persist(ctx, "read the settings of broker "+id, right, func() error {
		r, err := c.api.DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{Resources: []kafkago.DescribeConfigRequestResource{
			{ResourceType: kafkago.ResourceTypeBroker, ResourceName: id},
		}})
		if err != nil {
			return err
		}
		if len(r.Resources) != 1 {
			return fmt.Errorf("%d answers for one broker", len(r.Resources))
		}
		if err := r.Resources[0].Error; err != nil {
			return c.denied(right, err)
		}
		settings = map[string]string{}
		for _, e := range r.Resources[0].ConfigEntries {
			settings[e.ConfigName] = e.ConfigValue
		}
		return nil
	})
	return settings, err
}

// Rights are the operations that the principal may do, as Kafka's ACLs name them.
type Rights struct {
	Cluster []string
	// Topics are those that were asked for, as far as they exist and may be described.
	Topics map[string][]string
}

// Rights asks what the principal may do, on the cluster and on topics (KIP-430).
func (c *Client) Rights(ctx context.Context, topics []string) (rights Rights, err error) {
	err = c.persist(ctx, "ask for the rights of "+c.Principal(), needs{}, func() error {
		req := &metadata.Request{TopicNames: topics, IncludeClusterAuthorizedOperations: true, IncludeTopicAuthorizedOperations: true}
		m, err := c.askAny(ctx, req, map[protocol.ApiKey]int16{protocol.Metadata: 8})
		if err != nil {
			return err
		}
		r, ok := m.(*metadata.Response)
		if !ok {
			return fmt.Errorf("an answer of type %T", m)
		}
		rights = Rights{Cluster: operations(r.ClusterAuthorizedOperations), Topics: map[string][]string{}}
		for i := range r.Topics {
			if t := &r.Topics[i]; t.ErrorCode == 0 {
				rights.Topics[t.Name] = operations(t.TopicAuthorizedOperations)
			}
		}
		return nil
	})
	return rights, err
}

// operationNames are those of Kafka's ACLs, by their bits in an answer.
var operationNames = map[int]string{
	3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe",
	9: "ClusterAction", 10: "DescribeConfigs", 11: "AlterConfigs", 12: "IdempotentWrite",
}

// operations are the names of the bits that are set, in the order of Kafka's protocol. The
// lowest number there is means that they are not known.
func operations(bits int32) (names []string) {
	if bits < 0 {
		return nil
	}
	for _, n := range slices.Sorted(maps.Keys(operationNames)) {
		if bits&(1<<n) != 0 {
			names = append(names, operationNames[n])
		}
	}
	return names
}

// askAny asks the brokers to begin with, one after the other, until one answers.
func (c *Client) askAny(ctx context.Context, req protocol.Message, of map[protocol.ApiKey]int16) (m protocol.Message, err error) {
	err = errors.New("no broker")
	for i := 0; i < len(c.config.Brokers) && err != nil; i++ {
		m, err = c.askIn(ctx, c.config.Brokers[i], req, of)
	}
	return m, err
}
