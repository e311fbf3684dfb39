package logowner

import (
	"context"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// scheduling is the catalogue of the scheduler.
func scheduling() *Config[string] {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	return &Config[string]{Log: topics.Events(), Catalogue: topics.Catalogue()}
}

// A lost tail is told on all partitions that engines read, and nowhere else.
func TestReceiversAreWhatIsRead(t *testing.T) {
	t.Parallel()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	got := scheduling().receivers()
	if len(got) != int(events.AssignmentPartitions) || slices.ContainsFunc(got, func(at eventlog.TopicPartition) bool { return at.Topic != topics.Assignments() }) {
		t.Errorf("receivers are %v", got)
	}
}

// deleted collects what is deleted.
type deleted map[string]bool

func (d deleted) DeleteRecords(_ context.Context, topic string, _ int32, _ int64) error {
	d[topic] = true
	return nil
}

// An owner deletes its log, its snapshots, and what only it reads: never what another
// owner wrote, or a broker keeps for a time.
func TestOnlyWhatIsTheOwnersIsDeleted(t *testing.T) {
	t.Parallel()
	c := scheduling()
	c.Catalogue = append(c.Catalogue, events.Log{Topic: "another.log", Kind: events.OwnedLog, Kept: events.WithHistory},
		events.Log{Topic: "another.requests", Kind: events.InputLog, Kept: events.UntilFolded, Foreign: true})
	got := deleted{}
	for _, entry := range append(c.Catalogue, events.Log{Topic: "unknown"}) {
		if err := (truncator{got, c.deletes}).DeleteRecords(t.Context(), entry.Topic, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	for _, topic := range []string{topics.Events(), events.Snapshots(topics.Events()), topics.Requests(), topics.Reports()} {
		if !got[topic] {
			t.Errorf("%s is not deleted", topic)
		}
	}
	if len(got) != 4 {
		t.Errorf("deleted %v", got)
	}
}
