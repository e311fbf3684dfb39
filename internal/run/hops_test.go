package run

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// One process or many, every hop of a task crosses the broker: the request, the
// decisions, the assignment and the report.
func TestEveryHopCrossesTheBroker(t *testing.T) {
	s, err := Start(t.Context(), Config{Engines: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	var mu sync.Mutex
	produced := map[string]int{}
	s.sites[0].broker.OnProduce(func(topic string, _ int32, _ int) {
		mu.Lock()
		defer mu.Unlock()
		produced[topic]++
	})
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	const tasks = 10
	for range tasks {
		if _, err := c.Do(t.Context(), client.Task{Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	// One after the other, so each task makes its own requests: accepted and
	// assigned in one batch or two, succeeded in another.
	for topic, least := range map[string]int{
		topics.Requests(): tasks, topics.Events(): 2 * tasks, topics.Assignments(): tasks, topics.Reports(): tasks,
	} {
		if produced[topic] < least {
			t.Errorf("%d Produce requests to %s for %d tasks, want at least %d: a hop did not cross the broker",
				produced[topic], topic, tasks, least)
		}
	}
	t.Logf("Produce requests: %v", produced)
}
