package order_test

import (
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// A call whose writer had seen more than the log holds is a sign of a loss if it is meant for
// this queue, and none if it is meant for another one of the name, which was longer.
func TestWhatTheWriterOfACallForAnotherQueueHadSeen(t *testing.T) {
	fold, offset := sharedlog.NewFold(order.New(), sharedlog.Horizon), int64(0)
	premature := 0
	fold.Premature = func(*sharedlog.Call) { premature++ }
	add := func(id sharedlog.CallID, seen int64, m proto.Message) {
		fold.Apply(events.Logged{Offset: offset, Message: m, Call: &events.Called{ID: id, Seen: seen}})
		offset++
	}
	creator := sharedlog.CallID{1, 2, 3}
	own := binary.BigEndian.Uint64(creator[:])
	stray := func() {
		t.Helper()
		add(sharedlog.CallID{byte(100 + offset)}, 500, &events.QueueEnqueued{Id: "a", Creation: own + 1})
	}
	stray()
	add(creator, 0, &events.QueueConfigured{Create: true})
	stray()
	if premature != 0 {
		t.Errorf("%d calls for another queue are a loss of this one", premature)
	}
	add(sharedlog.CallID{2}, 500, &events.QueueEnqueued{Id: "a", Creation: own})
	add(sharedlog.CallID{3}, 500, &events.QueueEnqueued{Id: "a"})
	add(sharedlog.CallID{4}, 500, nil)
	if premature != 3 {
		t.Errorf("of 3 calls that may be for this queue %d are a loss", premature)
	}
	add(sharedlog.CallID{5}, offset, &events.QueueDeleted{Creation: own})
	stray()
	if premature != 3 {
		t.Error("a call for another queue is a loss of one that was deleted")
	}
}
