package network_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/services/manager/network"
)

// Whatever is asked is decided or refused, whatever is in the log is folded, and the state can
// be written and read.
func TestAbsurdInput(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 15))
		c := network.NewBounded(3)
		emit := func(m proto.Message) { c.Apply(events.Logged{Message: m}) }
		now := events.Clock{Now: 1, ReadTo: 1}
		for range 30 {
			typ := events.Types()[rng.IntN(len(events.Types()))]
			m := eventstest.Full(typ)
			spoil(rng, m.ProtoReflect())
			if rng.IntN(2) == 0 {
				c.Apply(events.Logged{Message: m})
			} else {
				c.Decide(events.Input[network.Command]{Value: network.Command{ID: string(typ), Message: m}}, now, emit)
			}
			for range 100 {
				if !c.Advance(now, emit) {
					break
				}
			}
		}
		state := c.Snapshot(nil)
		if err := network.NewBounded(3).Restore(state); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if cut := state[:rng.IntN(len(state)+1)]; len(cut) > 0 {
			_ = network.NewBounded(3).Restore(cut) // An error or not: it returns.
		}
	}
}

// spoil gives some fields of a message other values: paths and sites among them.
func spoil(rng *rand.Rand, m protoreflect.Message) {
	texts := []string{"", "/networks/a", "/networks/a/segments/s", "/networks/a/groups/g", "ams", "fra", "*", "\x00"}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case rng.IntN(6) == 0:
			m.Clear(f)
		case f.IsMap():
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			m.Mutable(f).List().Set(0, protoreflect.ValueOfString(texts[rng.IntN(len(texts))]))
		case f.IsList():
			if f.Message() != nil {
				for j := range m.Mutable(f).List().Len() {
					spoil(rng, m.Mutable(f).List().Get(j).Message())
				}
			}
		case f.Message() != nil && m.Has(f):
			spoil(rng, m.Mutable(f).Message())
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(texts[rng.IntN(len(texts))]))
		case f.Kind() == protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64([]uint64{0, 1, 2, 7, 1 << 63}[rng.IntN(5)]))
		}
	}
}
