package kafka

import (
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The time of the leader is read out of the answer, and of what is no answer none is.
func TestLeaderTime(t *testing.T) {
	now := time.UnixMilli(time.Now().UnixMilli())
	replica := func(id int32, at time.Time) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
		r := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		r.ReplicaID, r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp = id, 9, 7, at.UnixMilli()
		return r
	}
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = 2, 3, 1<<40
	p.CurrentVoters = append(p.CurrentVoters, replica(1, now.Add(-time.Hour)), replica(2, now), replica(3, now.Add(time.Hour)))
	topic := kmsg.NewDescribeQuorumResponseTopic()
	topic.Topic, topic.Partitions = quorumTopic, append(topic.Partitions, p)
	r := kmsg.NewPtrDescribeQuorumResponse()
	r.SetVersion(quorumVersion)
	r.Topics = append(r.Topics, topic)
	whole := r.AppendTo([]byte{0})
	if code, leader, at := leaderTime(whole); code != 0 || leader != 2 || !at.Equal(now) {
		t.Errorf("%v, leader %d at %v; want 2 at %v", code, leader, at, now)
	}
	for n := range whole { // Cut anywhere, it is nothing or the truth.
		if code, _, at := leaderTime(whole[:n]); code != 0 || !at.IsZero() && !at.Equal(now) {
			t.Errorf("of %d bytes: %v, %v", n, code, at)
		}
	}
	r.ErrorCode = int16(kafkago.ClusterAuthorizationFailed)
	if code, _, at := leaderTime(r.AppendTo([]byte{0})); code != kafkago.ClusterAuthorizationFailed || !at.IsZero() {
		t.Errorf("of a refusal: %v, %v", code, at)
	}
}
