package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// memory is logs in memory, of which every partition has a snapshot that is usable or not.
type memory struct {
	records map[string][]events.Record
	usable  bool
}

func (m *memory) of(topic string, partition int32) []events.Record {
	return m.records[fmt.Sprintf("%s/%d", topic, partition)]
}

func (m *memory) Scan(_ context.Context, topic string, partition int32, see func(*events.Record) error) error {
	for _, r := range m.of(topic, partition) {
		if err := see(&r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Offsets(_ context.Context, topic string, partition int32) (start, end int64, err error) {
	if records := m.of(topic, partition); len(records) > 0 {
		return records[0].Offset, records[len(records)-1].Offset + 1, nil
	}
	return 0, 0, nil
}

func (m *memory) ListTopics(context.Context) (list []client.TopicInfo, err error) {
	for place := range m.records {
		topic, _, _ := strings.Cut(place, "/")
		list = append(list, client.TopicInfo{Name: topic})
	}
	return list, nil
}

func (m *memory) SnapshotsOf(context.Context, string, int32) ([]query.SnapshotInfo, error) {
	return []query.SnapshotInfo{{Offset: 2, Usable: m.usable}}, nil
}
