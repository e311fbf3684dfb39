package kafka_test

import (
	"errors"
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
}
