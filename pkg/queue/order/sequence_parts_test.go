package order_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// A trim takes entries that no call names, also those that stand in a file only: the state in
// the file is that of a host, byte for byte, however many calls are folded at once.
func TestTrimsOfAStateInAFile(t *testing.T) {
	trims := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 38))
		core := order.New()
		whole := sharedlog.NewFold(core, smallHorizon)
		file := sharedlog.NewFileFold(&order.Parts{}, t.TempDir(), smallHorizon, 1+r.IntN(20)*1000)
		message := func() proto.Message {
			last, next := core.Last()
			held := core.Counts().Entries
			switch n := r.IntN(20); {
			case n == 0 && held > 3:
				trims++
				return &events.QueueTrimmed{Through: int64(next) - int64(r.IntN(held))}
			case n == 1:
				return &events.QueueClaimed{Count: int32(r.IntN(4)), LeaseMs: 1000}
			case n == 2 && held > 0:
				return &events.QueueRemoved{Id: core.Entries(nil, -1, 1)[0].ID}
			}
			return &events.QueueEnqueued{Id: order.Sequence{Term: last.Term + uint64(r.IntN(30)/29) + 1/(last.Term+1), Number: next}.String()}
		}
		for offset := range int64(300) {
			var m proto.Message = &events.QueueConfigured{Create: true, Settings: &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_SEQUENCE}}
			if offset > 0 {
				m = message()
			}
			for _, fold := range []interface{ Apply(l events.Logged) }{whole, file} {
				call := events.Called{Seen: offset}
				binary.BigEndian.PutUint64(call.ID[:], uint64(offset+1))
				fold.Apply(events.Logged{Offset: offset, Type: events.TypeOf(m), Call: &call, Message: proto.Clone(m)})
			}
			if r.IntN(40) > 0 {
				continue
			}
			if err := file.Settle(); err != nil || !bytes.Equal(file.Snapshot(nil), whole.Snapshot(nil)) {
				t.Fatalf("seed %d: at %d the state in the file is another one (%v); a host holds %d entries", seed, offset, err, len(core.Entries(nil, -1, math.MaxInt)))
			}
		}
		file.Close()
	}
	if trims < 100 {
		t.Fatalf("there were only %d trims", trims)
	}
}
