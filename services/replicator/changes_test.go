package replicator

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/replicator/selection"
)

// counting is a broker that counts requests to create topics, and the changes of its topics.
type counting struct {
	changes  *changes
	requests atomic.Int32
	refuse   atomic.Bool // each request that creates several topics
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "there", "no.good"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	var c counting
	broker.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		c.requests.Add(1)
		req := r.(*kmsg.CreateTopicsRequest)
		if len(req.Topics) == 1 || !c.refuse.Load() {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, asked := range req.Topics {
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic, topic.ErrorCode = asked.Topic, 44 // POLICY_VIOLATION
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	quiet := slog.New(slog.DiscardHandler)
	conn, err := cluster.Open(cluster.Config{Brokers: broker.ListenAddrs(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	cfg := DefaultConfig()
	c.changes = newChanges(newView("fra", conn, &cfg, func() {}), quiet, func() {})
	return &c
}

// want has topics created, and waits until each was tried.
func (c *counting) want(ctx context.Context, t *testing.T, partitions int32, names ...string) (missing []string) {
	t.Helper()
	var wanted []selection.Change
	for _, name := range names {
		wanted = append(wanted, selection.Change{Topic: name, Create: true, Partitions: partitions, Links: []string{"in"}})
	}
	c.changes.make(ctx, wanted)
	c.changes.wait()
	topics, err := c.changes.view.cluster.Kafka().Topics(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, topic := range topics {
		there[topic.Name] = true
	}
	for _, name := range names {
		if !there[name] {
			missing = append(missing, name)
		}
	}
	return missing
}

func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("new-%d", i))
	}
	return names
}

// Many topics are created by few requests. One that is there already is no error, one that the
// cluster does not take is tried once more by itself, and told of; neither holds others up.
func TestManyTopicsAreCreatedTogether(t *testing.T) {
	c := newCounting(t)
	names := append(many(mostTopics*2-2), "there", "no_good")
	if missing := c.want(t.Context(), t, 1, names...); len(missing) != 1 || missing[0] != "no_good" {
		t.Errorf("missing are %q", missing)
	}
	if n := c.requests.Load(); n != 3 { // Two with 50 each, and one for that which was refused.
		t.Errorf("there were %d requests", n)
	}
	problems := c.changes.problems()
	if len(problems) != 1 || problems[0].Topic != "no_good" || problems[0].Code != TargetRefused || !problems[0].Stops {
		t.Errorf("the problems are %+v", problems)
	}
}

// A controller that refuses many at once is asked for each.
func TestTopicsThatAreRefusedTogether(t *testing.T) {
	c := newCounting(t)
	c.refuse.Store(true)
	if missing := c.want(t.Context(), t, 1, many(5)...); len(missing) > 0 {
		t.Errorf("missing are %q", missing)
	}
	if n, problems := c.requests.Load(), c.changes.problems(); n != 6 || len(problems) > 0 {
		t.Errorf("there were %d requests, and there are problems: %+v", n, problems)
	}
}

// A request creates no more than so many topics and partitions.
func TestHowMuchOneRequestCreates(t *testing.T) {
	for _, c := range []struct {
		topics     int
		partitions int32
		want       []int
	}{
		{0, 1, nil}, {1, 5000, []int{1}}, {3, 600, []int{1, 1, 1}}, {5, 500, []int{2, 2, 1}}, {mostTopics + 1, 1, []int{mostTopics, 1}},
	} {
		var all []*attempt
		for range c.topics {
			all = append(all, &attempt{change: selection.Change{Partitions: c.partitions}})
		}
		var got []int
		for _, batch := range together(all) {
			got = append(got, len(batch))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%d topics with %d partitions: %v, want %v", c.topics, c.partitions, got, c.want)
		}
	}
}
