package memlog_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/eventlogtest"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	for _, pageRecords := range []int{0, 1, 2} {
		eventlogtest.Run(t, func(*testing.T) func() eventlog.Log {
			log := memlog.New()
			log.PageRecords = pageRecords
			return func() eventlog.Log { return log }
		})
	}
}

func TestLostTruncatedAndSkippedOffsets(t *testing.T) {
	t.Parallel()
	log := memlog.New()
	log.Skip(2)
	if page, err := log.Fetch(t.Context(), 0, 0); err != nil || page.Next != 2 || page.End != 2 {
		t.Errorf("over skipped offsets: %+v, %v", page, err)
	}
	log.Lose(1)
	if end := log.End(); end != 1 {
		t.Errorf("the log ends at %d after losing what is from 1 on", end)
	}
	log.Truncate(1)
	if _, err := log.Fetch(t.Context(), 0, 0); !eventlog.IsOutOfRange(err) {
		t.Errorf("a fetch of what was truncated: %v", err)
	}
}
