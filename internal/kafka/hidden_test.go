package kafka_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/kafka"
)

// A topic that must not be known of is told apart from one that is not there, with the right
// that is missing.
func TestTopicsThatAreHidden(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "there"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var questions atomic.Int32
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := r.(*kmsg.MetadataRequest)
		if len(req.Topics) == 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, asked := range req.Topics {
			topic := kmsg.NewMetadataResponseTopic()
			if topic.Topic = asked.Topic; *asked.Topic == "secret" {
				questions.Add(1)
				topic.ErrorCode = 29 // TOPIC_AUTHORIZATION_FAILED
			} else {
				topic.ErrorCode = 3 // UNKNOWN_TOPIC_OR_PARTITION
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	client := kafka.New(kafka.Config{Brokers: cluster.ListenAddrs()})
	t.Cleanup(client.Close)
	hidden := client.Hidden(t.Context(), []string{"secret", "deleted"})
	var denied *kafka.Denied
	if len(hidden) != 1 || !errors.As(hidden["secret"], &denied) || denied.Operation != "Describe" || denied.Name != "secret" {
		t.Errorf("hidden are %v", hidden)
	}
	for range 100 {
		if hidden = client.Hidden(t.Context(), []string{"secret"}); hidden["secret"] == nil {
			t.Errorf("asked again it says %v", hidden)
		}
	}
	cluster.Close()
	if hidden = client.Hidden(t.Context(), []string{"secret", "deleted"}); len(hidden) != 1 {
		t.Errorf("hidden are %v while no broker answers", hidden)
	}
	if n := questions.Load(); n > 20 { // One, unless the loop takes minutes.
		t.Errorf("it was asked %d times for a topic that stays hidden", n)
	}
}
