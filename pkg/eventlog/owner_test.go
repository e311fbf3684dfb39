package eventlog_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

func TestOwnerDecidesAppendsAndPublishes(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a", "b", "a", "c", "d", "b", "e")
	stop := b.run(t)
	b.await(t, 5)
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want context.Canceled", err)
	}

	counted, skips, r := read(t, b.log)
	if len(skips) > 0 {
		t.Errorf("skipped records: %v", skips)
	}
	if counted[0].Type != events.TypeLogClaimed || counted[0].N != 0 {
		t.Errorf("the log begins with %v %d, want a claim with number 0", counted[0].Type, counted[0].N)
	}
	if got := r.Inputs(); len(got) != 1 || got[0].Next != 7 {
		t.Errorf("input positions are %v, want in/0@7", got)
	}
	fresh := newToyCore().(*toyCore)
	for i, l := range counted {
		if l.N != uint32(i) || l.Offset != int64(i) || l.Epoch != 1 {
			t.Errorf("event %d is at offset %d, epoch %d, number %d", i, l.Offset, l.Epoch, l.N)
		}
		fresh.Apply(l)
	}
	if len(fresh.order) != 5 {
		t.Fatalf("%d tasks accepted, want 5", len(fresh.order))
	}
	for i, l := range fresh.order {
		mine := b.core.order[i]
		if mine.Offset != l.Offset || mine.N != l.N || !proto.Equal(mine.Message, l.Message) {
			t.Errorf("the owner's core holds %+v, the log %+v", mine, l)
		}
		from, _ := b.outbox.sent[i].Header(events.HeaderFrom)
		id, _ := b.outbox.sent[i].Header(events.HeaderID)
		if string(from) != string(id) {
			t.Errorf("copy %d has ID %q but comes from %q", i, id, from)
		}
	}
}

// batchCore notes where each of its events was said to be in a batch that begins there.
type batchCore struct {
	eventlog.Core[string]
	begins []int64
}

func (c *batchCore) Decide(in events.Input[string], now events.Clock, emit func(proto.Message)) {
	c.Core.Decide(in, now, func(m proto.Message) {
		c.begins = append(c.begins, now.Batch)
		emit(m)
	})
}

// TestDecisionsKnowTheirBatch: what is not written yet may land elsewhere, and a
// core must be able to tell it from what stands.
func TestDecisionsKnowTheirBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a", "b", "c", "d", "e", "f", "g")
	core := &batchCore{Core: newToyCore()}
	b.cfg.NewCore, b.cfg.Hooks.Owned = func() eventlog.Core[string] { return core }, nil
	stop := b.run(t)
	b.await(t, 7)
	_ = stop()
	begins, accepted := int64(0), 0
	for _, r := range b.log.Records() {
		if _, first := r.Header(events.HeaderLog); first {
			begins = r.Offset
		}
		if events.TypeOfRecord(&r) == events.TypeTaskAccepted {
			if core.begins[accepted] != begins {
				t.Errorf("the event at %d was said to be in a batch that begins at %d; it begins at %d", r.Offset, core.begins[accepted], begins)
			}
			accepted++
		}
	}
	if accepted != 7 {
		t.Errorf("%d events were looked at, want 7", accepted)
	}
}

func TestNextOwnerGoesOnWhereTheLogEnds(t *testing.T) {
	t.Parallel()
	log := memlog.New()
	first := setup(t, log, "a", "b", "c")
	stop := first.run(t)
	first.await(t, 3)
	_ = stop()

	second := setup(t, log, "a", "b", "c", "b", "d")
	second.run(t)
	second.await(t, 4) // a, b and c again, for nothing says that they were published, then d.
	counted, _, r := read(t, log)
	if r.Judge().Epoch != 2 {
		t.Errorf("epoch is %d, want 2", r.Judge().Epoch)
	}
	var ids []string
	for _, l := range counted {
		if m, ok := l.Message.(*events.TaskAccepted); ok {
			ids = append(ids, m.Task.Id)
		}
	}
	if len(ids) != 4 {
		t.Errorf("accepted %v, want a b c d once each", ids)
	}
}
