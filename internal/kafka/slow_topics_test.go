package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// A broker that has much to do knows a new topic only seconds after it was created. A
// service that starts just then waits, as it waits for one that has no leader yet.
func TestEnsureWaitsForSlowBrokers(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	known := time.Now().Add(6 * time.Second)
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if time.Now().After(known) {
			return nil, nil, false
		}
		req := r.(*kmsg.DescribeConfigsRequest)
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range req.Resources {
			res := kmsg.NewDescribeConfigsResponseResource()
			res.ResourceType, res.ResourceName, res.ErrorCode = asked.ResourceType, asked.ResourceName, 3 // UNKNOWN_TOPIC_OR_PARTITION
			resp.Resources = append(resp.Resources, res)
		}
		return resp, nil, true
	})
	client := kafka.New(kafka.Config{Brokers: cluster.ListenAddrs()})
	t.Cleanup(client.Close)
	if _, err := client.Ensure(t.Context(), []events.TopicSpec{{Name: "new", Partitions: 1}}); err != nil {
		t.Error(err)
	}
}
