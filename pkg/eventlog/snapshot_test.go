package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// shelf is the topic of snapshots and what is done with it.
type shelf struct {
	log, snapshots *memlog.Log
	in             *memlog.Log
	keeper         *atOnce
	bad            []error
	restored       *events.LogSnapshot
	kept           []eventlog.Outcome
}

func newShelf(log *memlog.Log) *shelf {
	s := &shelf{log: log, snapshots: memlog.New(), in: memlog.New()}
	s.keeper = &atOnce{Housekeeper: &eventlog.Housekeeper{
		Log: log, Snapshots: s.store(), Truncator: s, NewFold: newToyFold, Now: time.Now, Keep: -1,
	}}
	return s
}

func (s *shelf) store() *eventlog.Snapshots {
	return &eventlog.Snapshots{Log: s.snapshots, Topic: topic, Partition: 3, Encoder: events.Encoder{Source: "/spanway/test/toy"},
		OnBad: func(_ *events.LogSnapshot, err error) { s.bad = append(s.bad, err) }}
}

func (s *shelf) DeleteRecords(_ context.Context, name string, _ int32, before int64) error {
	log := map[string]*memlog.Log{topic: s.log, "in": s.in, events.Snapshots(topic): s.snapshots}[name]
	if end := log.End(); before > end {
		return &eventlog.OutOfRangeError{From: before, End: end}
	}
	log.Truncate(before)
	return nil
}

// atOnce is a keeper that does its jobs when they are started.
type atOnce struct {
	*eventlog.Housekeeper
	outcome []eventlog.Outcome
	busy    bool
}

func (k *atOnce) Busy() bool { return k.busy }

func (k *atOnce) Start(job eventlog.Job) bool {
	k.outcome = append(k.outcome, k.Do(context.Background(), job))
	return true
}

func (k *atOnce) Done() (out eventlog.Outcome, ok bool) {
	if len(k.outcome) > 0 {
		out, k.outcome = k.outcome[0], k.outcome[1:]
		return out, true
	}
	return out, false
}

// run runs an owner round by round, each a second after the other, so that
// the tail is confirmed and snapshots are considered in each.
func (s *shelf) run(t *testing.T, b *bundle, rounds int, change ...func(cfg *eventlog.OwnerConfig[string])) {
	t.Helper()
	now := time.UnixMilli(1_700_000_000_000 + s.log.End()*10_000)
	steps := &stepped{toyInputs: b.inputs}
	for range rounds {
		steps.before = append(steps.before, func() { now = now.Add(time.Second) })
	}
	b.outbox.got = nil
	b.inputs.chunk = 1
	b.cfg.Inputs, b.cfg.Now = steps, func() time.Time { return now }
	b.cfg.Snapshots = &eventlog.SnapshotConfig{Log: s.snapshots, Keeper: s.keeper, Events: 1}
	b.cfg.Hooks.Restored = func(m *events.LogSnapshot) { s.restored = m }
	b.cfg.Hooks.BadSnapshot = func(_ *events.LogSnapshot, err error) { s.bad = append(s.bad, err) }
	b.cfg.Hooks.Kept = func(out eventlog.Outcome) {
		s.kept = append(s.kept, out)
		if out.Err != nil {
			t.Errorf("housekeeping: %v", out.Err)
		}
	}
	for _, f := range change {
		f(&b.cfg)
	}
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
}

func (s *shelf) list(t *testing.T) []eventlog.Stored {
	t.Helper()
	list, err := s.store().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSnapshotPlusTailIsTheWholeLog: G5. Every snapshot, restored and folded on,
// gives the state of a fold from 0; and the owner keeps two of them.
func TestSnapshotPlusTailIsTheWholeLog(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	b := setup(t, s.log, "a", "b", "c", "d", "e")
	s.run(t, b, 12)
	whole := newToyCore().(*toyCore)
	counted, _, r := read(t, s.log)
	for _, l := range counted {
		whole.Apply(l)
	}
	list := s.list(t)
	if len(list) != 2 || list[0].Manifest.Offset <= list[1].Manifest.Offset || len(s.kept) < 5 {
		t.Fatalf("%d snapshots stay of %d, want the two newest, newest first", len(list), len(s.kept))
	}
	for _, st := range list {
		_, core, err := s.store().Restore(t.Context(), []eventlog.Stored{st}, newToyFold)
		if err != nil || core == nil {
			t.Fatalf("restore: %v", err)
		}
		tail, err := eventlog.NewReaderFrom(s.log, st.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		if err := tail.Barrier(t.Context(), func(l events.Logged, _ *events.Record) { core.Apply(l) }); err != nil {
			t.Fatal(err)
		}
		if a, b := core.Snapshot(nil), whole.Snapshot(nil); !slices.Equal(a, b) {
			t.Errorf("from the snapshot at %d: state %x, from 0: %x", st.Manifest.Offset, a, b)
		}
		if tail.Judge() != r.Judge() || fmt.Sprint(tail.Inputs()) != fmt.Sprint(r.Inputs()) {
			t.Errorf("from the snapshot at %d: chain %+v %v, from 0: %+v %v", st.Manifest.Offset, tail.Judge(), tail.Inputs(), r.Judge(), r.Inputs())
		}
	}
}

// thrifty counts how often its state was encoded, or looked through.
type thrifty struct {
	*toyCore
	walks *int
}

func (c thrifty) Snapshot(dst []byte) []byte {
	*c.walks++
	return c.toyCore.Snapshot(dst)
}

func (c thrifty) Floor() int64 {
	*c.walks++
	return c.toyCore.Floor()
}

// TestNothingIsEncodedForABusyKeeper: it may work on what an earlier tenure began.
func TestNothingIsEncodedForABusyKeeper(t *testing.T) {
	t.Parallel()
	s, walks := newShelf(memlog.New()), 0
	s.keeper.busy = true
	count := func(cfg *eventlog.OwnerConfig[string]) {
		cfg.NewCore = func() eventlog.Core[string] { return thrifty{newToyCore().(*toyCore), &walks} }
		cfg.Hooks.Owned = nil
	}
	s.run(t, setup(t, s.log, "a", "b", "c"), 6, count)
	if walks > 0 || len(s.kept) > 0 {
		t.Errorf("the state was walked through %d times, %d jobs were done", walks, len(s.kept))
	}
	s.keeper.busy = false
	s.run(t, setup(t, s.log, "a", "b", "c", "d", "e", "f"), 6, count)
	if walks == 0 || len(s.kept) == 0 {
		t.Error("no snapshot is written for a keeper that is free")
	}
}

// TestOwnerBeginsAtASnapshot although the log below it was deleted, and publishes
// what its predecessor may not have published.
func TestOwnerBeginsAtASnapshot(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b", "c"), 5, func(cfg *eventlog.OwnerConfig[string]) { cfg.Outbox = nullOutbox{stuck: true} })
	newest := s.list(t)[0].Manifest
	s.log.Truncate(newest.Offset)
	next := setup(t, s.log, "a", "b", "c", "b", "d")
	s.run(t, next, 6)
	if s.restored == nil || s.restored.Offset != newest.Offset {
		t.Fatalf("it began at %v, want the snapshot at %d", s.restored, newest.Offset)
	}
	var sent, order []string
	for i := range next.outbox.sent {
		_, m, _ := events.Decode(&next.outbox.sent[i])
		sent = append(sent, m.(*events.TaskAccepted).Task.Id)
	}
	for _, l := range next.core.order {
		order = append(order, l.Message.(*events.TaskAccepted).Task.Id)
	}
	if fmt.Sprint(sent) != "[a b c d]" || fmt.Sprint(order) != "[a b c d]" {
		t.Errorf("published %v, folded %v; want a b c d once each", sent, order)
	}
}

// TestBadSnapshotsArePassed: what is torn or corrupt is told, and the one before
// it is used.
func TestBadSnapshotsArePassed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// spoil copies the records of the newest snapshot to another log.
		spoil func(r events.Record, last bool) (events.Record, bool)
	}{
		{"the manifest never came", func(r events.Record, last bool) (events.Record, bool) { return r, !last }},
		{"a chunk never came", func(r events.Record, last bool) (events.Record, bool) { return r, last }},
		{"a bit of the chunk is flipped", func(r events.Record, last bool) (events.Record, bool) {
			if !last {
				r.Value = append([]byte(nil), r.Value...)
				r.Value[len(r.Value)/2] ^= 1
			}
			return r, true
		}},
		{"the manifest has another state hash", func(r events.Record, last bool) (events.Record, bool) {
			if last {
				_, m, _ := events.DecodeTrusted(&r)
				m.(*events.LogSnapshot).StateHash++
				r.Value, _ = proto.Marshal(m)
			}
			return r, true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(memlog.New())
			s.run(t, setup(t, s.log, "a", "b", "c"), 5)
			list := s.list(t)
			spoiled := memlog.New()
			for _, r := range s.snapshots.Records() {
				keep := true
				if r.Offset >= list[0].First {
					r, keep = c.spoil(r, r.Offset == list[0].At)
				}
				if keep {
					_, _ = spoiled.Append(t.Context(), []events.Record{r})
				}
			}
			s.snapshots = spoiled
			store := s.store()
			usable, beyond, err := store.Usable(t.Context(), s.log)
			if err != nil || len(beyond) > 0 {
				t.Fatalf("usable: %v, beyond %v", err, beyond)
			}
			snap, _, err := store.Restore(t.Context(), usable, newToyFold)
			if err != nil || snap == nil || snap.Manifest.Offset != list[1].Manifest.Offset {
				t.Fatalf("restored %v, %v; want the snapshot at %d", snap, err, list[1].Manifest.Offset)
			}
			if told := len(s.bad); (told == 0) != (c.name == "the manifest never came") {
				t.Errorf("%d were reported: %v", told, s.bad)
			}
		})
	}
}

// TestSnapshotsAreOrderedByLogOffset: a zombie's, which arrives last, is older;
// and chunks of two writers may be mixed.
func TestSnapshotsAreOrderedByLogOffset(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b", "c", "d"), 7)
	records, list := s.snapshots.Records(), s.list(t)
	if len(records) != 4 {
		t.Fatalf("%d records stay, want two chunks and two manifests", len(records))
	}
	s.snapshots = memlog.New()
	for _, i := range []int{2, 0, 3, 1} { // The chunks of both, then the newer manifest, then the older one.
		_, _ = s.snapshots.Append(t.Context(), records[i:i+1])
	}
	mixed := s.list(t)
	if len(mixed) != 2 || mixed[0].Manifest.Offset != list[0].Manifest.Offset || mixed[0].At > mixed[1].At {
		t.Fatalf("the list is %+v, want the one that came first, for it is newer in the log", mixed)
	}
	for _, st := range mixed {
		if _, err := s.store().Load(t.Context(), st); err != nil {
			t.Error(err)
		}
	}
}

// TestLargeSnapshotIsCutIntoChunks and comes back whole.
func TestLargeSnapshotIsCutIntoChunks(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a"), 3)
	st := s.list(t)[0]
	snap, err := s.store().Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	x := uint64(1)
	for len(snap.Body) < 5<<20+77 {
		x = x*6364136223846793005 + 1442695040888963407
		snap.Body = append(snap.Body, byte(x>>56))
	}
	snap.Manifest.StateBytes, snap.Manifest.StateHash = int64(len(snap.Body)), snap.Hash()
	if err := s.store().Write(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	got := s.list(t)[0]
	if len(got.Manifest.Chunks) != 11 {
		t.Errorf("%d chunks, want 11 of at most 512 KiB", len(got.Manifest.Chunks))
	}
	if back, err := s.store().Load(t.Context(), got); err != nil || !slices.Equal(back.Body, snap.Body) {
		t.Errorf("it came back as another, %v", err)
	}
	for _, r := range s.snapshots.Records() {
		if r.Size() > events.MaxRecordBytes+events.MaxHeaderBytes {
			t.Errorf("a record of %d bytes", r.Size())
		}
	}
}

func TestLostBeginningNamesTheRemedy(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b", "c"), 5)
	s.snapshots = memlog.New()
	s.log.Truncate(2)
	b := setup(t, s.log, "d")
	b.cfg.Snapshots = &eventlog.SnapshotConfig{Log: s.snapshots}
	err := eventlog.NewOwner(b.cfg).Run(t.Context())
	var loss *eventlog.LossError
	if !errors.As(err, &loss) || loss.Start != 2 || loss.Partition != 3 {
		t.Fatalf("the owner ended with %v, want a LossError", err)
	}
}

// TestVersionBeyondIsAnError of its own kind: in a snapshot and in the log.
func TestVersionBeyondIsAnError(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	b := setup(t, s.log, "a", "b", "c")
	newer := func() eventlog.Core[string] {
		core := newToyCore().(*toyCore)
		core.knows = 3
		return &newerCore{core}
	}
	s.keeper.NewFold = foldOf(newer)
	b.cfg.Hooks.Owned = nil
	s.run(t, b, 5, func(cfg *eventlog.OwnerConfig[string]) { cfg.NewCore = newer })
	for _, with := range []*eventlog.SnapshotConfig{nil, {Log: s.snapshots}} {
		old := setup(t, s.log, "d")
		old.cfg.Snapshots = with
		err := eventlog.NewOwner(old.cfg).Run(t.Context())
		var version *eventlog.VersionError
		if !errors.As(err, &version) || version.Version != 3 {
			t.Errorf("an old owner ended with %v, want a VersionError", err)
		}
	}
}

// newerCore knows a version that the toy core does not, and raises to it.
type newerCore struct{ *toyCore }

func (c *newerCore) Advance(now events.Clock, emit func(proto.Message)) bool {
	if c.version < 3 {
		emit(&events.LogFoldVersionRaised{Version: 3, AtMs: now.Now})
	}
	return false
}
