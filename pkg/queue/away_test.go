package queue_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/queue"
)

// A broker that cannot be reached does not say that a queue was deleted, however long and
// however often it is looked for, and the queue is there when it is back.
func TestABrokerThatIsAwayDeletesNothing(t *testing.T) {
	ctx := within(t)
	cfg := embedded.Config{DataDir: t.TempDir(), Port: porttest.Kept(t)}
	b, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, b)
	if err := queue.Create(ctx, c, "q", queue.Rules{}, quiet); err != nil {
		t.Fatal(err)
	}
	id, err := c.Kafka().TopicID(ctx, "spanway.queue.q", 0)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for range 30 { // Meanwhile the client forgets what it knew of the cluster.
		if there, err := c.Kafka().HasTopic(ctx, "spanway.queue.q", 0, id); err == nil {
			t.Fatalf("no broker was asked, and the topic is said to be there: %v", there)
		}
		<-again.C
	}
	if b, err = embedded.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	until := time.After(time.Minute)
	for {
		there, err := c.Kafka().HasTopic(ctx, "spanway.queue.q", 0, id)
		if there && err == nil {
			break
		}
		if err == nil {
			t.Fatal("the topic is said to be gone")
		}
		select {
		case <-again.C:
		case <-until:
			t.Fatal(err)
		}
	}
	if err := c.Kafka().DeleteTopics(ctx, []string{"spanway.queue.q"}); err != nil {
		t.Fatal(err)
	}
	if there, err := c.Kafka().HasTopic(ctx, "spanway.queue.q", 0, id); there || err != nil {
		t.Errorf("a topic that was deleted is there: %v, %v", there, err)
	}
}
