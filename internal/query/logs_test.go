package query

import (
	"errors"
	"testing"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Every owned log of the catalogue can be reset: the remedy that its loss names works.
func TestEveryOwnedLogHasAFold(t *testing.T) {
	q := New(Config{})
	for _, log := range q.topics.Catalogue() {
		if log.Kind == events.OwnedLog && q.newFold(log, 0) == nil {
			t.Errorf("the loss of %s advises a reset, and newFold does not know the log", log.Topic)
		}
	}
}

func TestALogWithoutAFoldIsNotReset(t *testing.T) {
	h := newHouse(t)
	_, err := h.query().ResetLog(runtest.Within(t), events.Log{Topic: "counter.events", Kind: events.OwnedLog, Partitions: 1}, 0, "a test", "")
	var refused *client.Refused
	if !errors.As(err, &refused) || refused.Code != CodeNoFold {
		t.Errorf("%v, want NO_FOLD", err)
	}
}
