package watermillkafka

import (
	"errors"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
)

// clientID is what the brokers' logs and quotas call this package where it is given
// no cluster.
const clientID = "watermill"

var errNoBrokers = errors.New("no brokers: give the address of at least one in Brokers, or an open Cluster")

// connect makes a client with connections of its own, of a cluster or of brokers.
func connect(brokers []string, shared *cluster.Cluster, change func(*kafka.Config)) (*kafka.Client, error) {
	if shared != nil {
		return shared.Kafka().Like(change), nil
	}
	if len(brokers) == 0 {
		return nil, errNoBrokers
	}
	config := kafka.Config{Brokers: brokers, ClientID: clientID}
	change(&config)
	return kafka.New(config), nil
}
