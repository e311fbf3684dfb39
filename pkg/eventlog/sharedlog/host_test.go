package sharedlog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

func run(t testing.TB, h *sharedlog.Host) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the host ended: %v", err)
		}
	})
}

func TestACall(t *testing.T) {
	log := memlog.New()
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{2, map[string]int64{}} },
	})
	run(t, h)
	for i, want := range []events.Code{"", "", events.CodeQueueFull} {
		v, err := h.Call(t.Context(), take(fmt.Sprint(i)), nil)
		if err != nil || v.Code != want || v.Offset != int64(i) {
			t.Fatalf("%+v %v", v, err)
		}
	}
	err := h.Read(t.Context(), true, func(core sharedlog.Core, at sharedlog.Position) {
		if len(core.(*seats).taken) != 2 || at.Offset != 3 {
			t.Errorf("at %d: %+v", at.Offset, core)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forged is a log in which another writer puts records with the IDs of calls before them.
type forged struct {
	*memlog.Log
	body []byte
}

func (f *forged) Append(ctx context.Context, records []events.Record) (int64, error) {
	var all []events.Record
	for _, r := range records {
		other := r
		other.Value = f.body
		all = append(all, other, r)
	}
	base, err := f.Log.Append(ctx, all)
	return base + 1, err
}

// A host that knows what it has appended folds what the log holds all the same.
func TestARecordUnderTheIDOfACall(t *testing.T) {
	another, err := events.Encoder{Source: "/test"}.AppendData(nil, take("forged"))
	if err != nil {
		t.Fatal(err)
	}
	log := &forged{memlog.New(), another}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{2, map[string]int64{}} },
	})
	run(t, h)
	if v, err := h.Call(t.Context(), take("a"), nil); err != nil || v.Offset != 0 {
		t.Fatalf("%+v %v", v, err)
	}
	err = h.Read(t.Context(), true, func(core sharedlog.Core, _ sharedlog.Position) {
		taken := core.(*seats).taken
		if _, ok := taken["forged"]; len(taken) != 1 || !ok {
			t.Errorf("taken are %v; want what stands first", taken)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
