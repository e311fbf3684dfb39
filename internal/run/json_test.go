package run

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// What a deployment writes is a setting: with JSON every record of every service
// is JSON, and what counts, what engines take and what clients read is the same.
func TestADeploymentThatWritesJSON(t *testing.T) {
	s, err := Start(t.Context(), Config{Engines: 1, JSON: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := connect(t, s)
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Do(t.Context(), client.Task{Kind: "noop"}); err != nil {
		t.Fatal(err)
	}
	topics := c.Topics()
	for topic, partition := range map[string]int32{
		topics.Events():      events.PoolPartition(events.DefaultPool),
		topics.Reports():     events.PoolPartition(events.DefaultPool),
		topics.Assignments(): events.EnginePartition("local-1"),
	} {
		page, err := s.Cluster().Partition(topic, partition).Fetch(t.Context(), 0, 0)
		if err != nil || len(page.Records) == 0 {
			t.Errorf("%s/%d: %d records, %v", topic, partition, len(page.Records), err)
		}
		for _, r := range page.Records {
			content, _ := r.Header(events.HeaderContentType)
			if string(content) != events.ContentJSON || !json.Valid(r.Value) {
				t.Errorf("%s/%d@%d: %s of type %q: %s", topic, partition, r.Offset, events.TypeOfRecord(&r), content, r.Value)
			}
		}
	}
}
