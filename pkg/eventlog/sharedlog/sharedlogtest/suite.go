package sharedlogtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Partition is a partition of a shared log that nothing else uses.
type Partition struct {
	// Log and Snapshots make handles on it and on that of its snapshots.
	Log, Snapshots func() eventlog.Log
	Truncator      eventlog.Truncator
	Topic          string
	// Lose lets it lose its tail from an offset on; nil where that cannot be done.
	Lose func(from int64)
}

// bound ends a test that hangs.
const bound = time.Minute

// Run runs the suite; open makes an empty partition.
func Run(t *testing.T, open func(t *testing.T) *Partition) {
	for name, run := range map[string]func(t *testing.T, p *Partition){
		"a call gets its verdict":                      verdicts,
		"two hosts agree":                              twoHosts,
		"a barrier read sees what was answered":        barrier,
		"an acknowledgement is lost":                   lostAcknowledgement,
		"the same call twice, and of a host that died": sameCall,
		"what strangers write":                         strangers,
		"a call that is not waited for":                abandoned,
		"a refused record fails alone":                 refusedAlone,
		"calls end with their host":                    hostEnds,
		"snapshot plus tail is the whole log":          snapshotPlusTail,
		"truncation under a host that stands still":    truncation,
		"a lost tail":                                  LostTail,
		"time passes":                                  timePasses,
		"two keepers are no faster than one":           twoKeepers,
		"watchers are told in order":                   watchers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

// hosted is a host that runs, and what may be put in its way.
type hosted struct {
	*sharedlog.Host
	p    *Partition
	stop func()
}

// room is how many seats the cores of the suite have.
const room = 50

// start runs a host until the test, or stop, ends it.
func (p *Partition) start(t *testing.T, change ...func(*sharedlog.Config)) *hosted {
	t.Helper()
	cfg := sharedlog.Config{
		Log: p.Log(), Reads: p.Log(), Topic: p.Topic, Snapshots: p.shelf(), Encoder: encoder,
		NewCore: func() sharedlog.Core { return NewSeats(room) },
	}
	for _, c := range change {
		c(&cfg)
	}
	h := &hosted{Host: sharedlog.NewHost(cfg), p: p}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the host ended: %v", err)
			}
		case <-time.After(bound):
			t.Error("the host does not end")
		}
	}
	t.Cleanup(h.stop)
	return h
}

var encoder = events.Encoder{Source: "/spanway/test/seats"}

func (p *Partition) shelf() *eventlog.Snapshots {
	return &eventlog.Snapshots{Log: p.Snapshots(), Topic: p.Topic, Encoder: encoder}
}

// keeper makes one for a host, which writes a snapshot after so many records and deletes
// what is older than history; nothing if that is below 0.
func (p *Partition) keeper(h *hosted, every int64, history time.Duration) *sharedlog.Keeper {
	return sharedlog.NewKeeper(sharedlog.KeeperConfig{
		Host: h.Host, Events: every, Bytes: 1 << 40,
		Work: &eventlog.Housekeeper{
			Log: p.Log(), Snapshots: p.shelf(), Truncator: p.Truncator, Keep: history, Now: time.Now,
			NewFold: func() eventlog.Fold { return sharedlog.NewFold(NewSeats(room), sharedlog.Horizon) },
		},
	})
}

// keep runs a keeper until the test, or stop, ends it.
func keep(t *testing.T, k *sharedlog.Keeper) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the keeper ended: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	t.Cleanup(cancel)
	return ctx
}

func (h *hosted) call(t *testing.T, m proto.Message, want events.Code) sharedlog.Verdict {
	t.Helper()
	v, err := h.Call(within(t), m, nil)
	if err != nil || v.Code != want {
		t.Fatalf("call %v: verdict %+v, %v; want %q", m, v, err, want)
	}
	return v
}

// state is that of the host's core behind a barrier, and up to where it is.
func (h *hosted) state(t *testing.T) (state []byte, at sharedlog.Position) {
	t.Helper()
	err := h.Read(within(t), true, func(core sharedlog.Core, p sharedlog.Position) {
		state, at = core.Snapshot(nil), p
	})
	if err != nil {
		t.Fatal(err)
	}
	return state, at
}

// whole is the state of a fold of the whole log, from offset 0 on.
func (p *Partition) whole(t *testing.T) []byte {
	t.Helper()
	core := NewSeats(room)
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: p.Log(), Topic: p.Topic, Shared: true, Now: time.Now,
		NewFold: func() eventlog.Fold { return sharedlog.NewFold(core, sharedlog.Horizon) },
	})
	if err := f.Barrier(within(t)); err != nil {
		t.Fatal(err)
	}
	return core.Snapshot(nil)
}

// append writes a record as a program would that is not of this module.
func (p *Partition) append(t *testing.T, r events.Record) (offset int64) {
	t.Helper()
	offset, err := p.Log().Append(within(t), []events.Record{r})
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

func record(t *testing.T, id sharedlog.CallID, seen int64, m proto.Message) events.Record {
	t.Helper()
	r, err := sharedlog.Encode(encoder, id, seen, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fresh() (id sharedlog.CallID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

func take(id string) proto.Message { return &events.QueueEnqueued{Id: id} }
func free(id string) proto.Message { return &events.QueueRemoved{Id: id} }

func lease(id string, d time.Duration) proto.Message {
	return &events.QueueClaimed{Ids: []string{id}, LeaseMs: d.Milliseconds()}
}

// same fails if two states differ.
func same(t *testing.T, what string, a, b []byte) {
	t.Helper()
	if !bytes.Equal(a, b) {
		t.Errorf("%s: the states differ:\n%x\n%x", what, a, b)
	}
}

// large is an ID that makes a record large.
func large(n int) string { return strings.Repeat("x", n) }
