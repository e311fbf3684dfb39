package sharedlog_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog/sharedlogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a log and its snapshots in memory.
type memory struct{ log, snapshots *memlog.Log }

func (m memory) DeleteRecords(_ context.Context, topic string, _ int32, before int64) error {
	log := m.log
	if topic != "seats" {
		log = m.snapshots
	}
	log.Truncate(before)
	return nil
}

func TestContractInMemory(t *testing.T) {
	sharedlogtest.Run(t, func(*testing.T) *sharedlogtest.Partition {
		m := memory{memlog.New(), memlog.New()}
		return &sharedlogtest.Partition{
			Log: func() eventlog.Log { return m.log }, Snapshots: func() eventlog.Log { return m.snapshots },
			Truncator: m, Topic: "seats", Lose: m.log.Lose,
		}
	})
}
