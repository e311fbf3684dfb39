package apache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// MoveLeader has another replica of a partition lead it, one that is in sync, and returns
// when the broker tells so. Clients hear of it later, from the leader before.
func (b *Broker) MoveLeader(topic string, partition int32) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.tb.Context(), patience)
	defer cancel()
	client := b.admin()
	defer client.Close()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	var wanted []int32 // the replicas, in the order in which they are preferred
	for {
		leader, replicas, err := replicasOf(ctx, client, topic, partition)
		switch {
		case err == nil && wanted == nil && len(replicas) < 2:
			b.tb.Fatalf("move the leader of %s/%d: it has the replicas %v only", topic, partition, replicas)
		case err == nil && wanted == nil:
			for _, r := range replicas {
				if r != leader {
					wanted = append(wanted, r)
				}
			}
			wanted = append(wanted, leader)
		case err == nil && leader == wanted[0]:
			return
		}
		if wanted != nil {
			err = errors.Join(prefer(ctx, client, topic, partition, wanted), elect(ctx, client, topic, partition))
		}
		select {
		case <-again.C: // Nothing tells when a replica is in sync.
		case <-ctx.Done():
			b.tb.Fatalf("move the leader of %s/%d to the first of %v: %v", topic, partition, wanted, err)
		}
	}
}

// replicasOf asks for the leader and the replicas of a partition.
func replicasOf(ctx context.Context, client *kgo.Client, topic string, partition int32) (leader int32, replicas []int32, err error) {
	req := kmsg.NewPtrMetadataRequest()
	named := kmsg.NewMetadataRequestTopic()
	named.Topic = &topic
	req.Topics = append(req.Topics, named)
	answer, err := req.RequestWith(ctx, client)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if p.Partition == partition {
				return p.Leader, p.Replicas, kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return 0, nil, fmt.Errorf("no broker tells of %s/%d", topic, partition)
}

// prefer puts the replicas of a partition in an order.
func prefer(ctx context.Context, client *kgo.Client, topic string, partition int32, replicas []int32) error {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	of := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	of.Topic = topic
	one := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	one.Partition, one.Replicas = partition, replicas
	of.Partitions = append(of.Partitions, one)
	req.Topics = append(req.Topics, of)
	answer, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return errors.Join(kerr.ErrorForCode(answer.ErrorCode), kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode))
}

// elect has the first of the replicas of a partition lead it.
func elect(ctx context.Context, client *kgo.Client, topic string, partition int32) error {
	req := kmsg.NewPtrElectLeadersRequest()
	of := kmsg.NewElectLeadersRequestTopic()
	of.Topic, of.Partitions = topic, []int32{partition}
	req.Topics = append(req.Topics, of)
	answer, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	failed := kerr.ErrorForCode(answer.ErrorCode)
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			failed = errors.Join(failed, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return failed
}
