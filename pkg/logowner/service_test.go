package logowner_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Topics of the tests' program.
const (
	testLog   = "t.events"
	testInput = "t.requests"
	testOut   = "t.out"
)

// dead is a partition of testOut that does not exist: what is sent to it is tried for
// ever.
const dead = 7

func testCatalogue() []events.Log {
	return []events.Log{
		{Topic: testLog, Kind: events.OwnedLog, Partitions: 1, Kept: events.WithHistory, Inputs: []string{testInput}, Outputs: []string{testOut}},
		{Topic: events.Snapshots(testLog), Kind: events.SnapshotLog, Of: testLog, Partitions: 1, Kept: events.NewestTwo},
		{Topic: testInput, Kind: events.InputLog, Partitions: 1, Kept: events.UntilFolded},
		{Topic: testOut, Kind: events.PublishedLog, Partitions: 1, Kept: events.KeptForTime, For: time.Hour},
	}
}

// relay is a core that makes of each input an event, and publishes it to the partition
// that the input names.
type relay struct{ count uint64 }

func (c *relay) Apply(l events.Logged) {
	if _, ok := l.Message.(*events.TaskProgressed); ok {
		c.count++
	}
}
func (c *relay) Snapshot(dst []byte) []byte { return binary.AppendUvarint(dst, c.count) }
func (c *relay) Restore(state []byte) error {
	v, n := binary.Uvarint(state)
	if n != len(state) {
		return errors.New("not a state of the relay")
	}
	c.count = v
	return nil
}
func (c *relay) FoldVersion() uint32 { return 1 }
func (c *relay) Floor() int64        { return math.MaxInt64 }

func (c *relay) Decide(in events.Input[string], now events.Clock, emit func(proto.Message)) {
	to, _, _ := strings.Cut(in.Value, ":")
	partition, _ := strconv.Atoi(to)
	emit(&events.TaskProgressed{TaskId: in.Value, Attempt: int32(partition), Token: c.count, AtMs: now.Now})
}
func (c *relay) Advance(events.Clock, func(proto.Message)) bool { return false }
func (c *relay) Publish(l events.Logged, send func(events.Outgoing)) {
	if m, ok := l.Message.(*events.TaskProgressed); ok {
		send(events.Outgoing{Topic: testOut, Partition: m.Attempt, Message: m})
	}
}

func newCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func config(c *cluster.Cluster) logowner.Config[string] {
	return logowner.Config[string]{
		Name: "test", Log: testLog, Catalogue: testCatalogue(), Group: "test",
		Inputs:  []logowner.Input[string]{{Topic: testInput, Prepare: func(_ string, _ int32, r *events.Record) string { return string(r.Value) }}},
		NewCore: func(int32) eventlog.Core[string] { return &relay{} },
		Cluster: logowner.On(c), Encoder: events.Encoder{Source: "/test"},
		Telemetry: logowner.Telemetry{Logger: slog.New(slog.DiscardHandler)},
	}
}

// run runs a service until the test, or stop, ends it.
func run(t *testing.T, cfg logowner.Config[string]) (stop func()) {
	t.Helper()
	s, err := logowner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-s.Ready():
	case <-time.After(time.Minute):
		t.Fatal("not ready")
	}
	return stop
}

// appendAll appends inputs.
func appendAll(t *testing.T, c *cluster.Cluster, values ...string) {
	t.Helper()
	log := c.Partition(testInput, 0)
	for _, v := range values {
		if _, err := log.Append(t.Context(), []events.Record{{Value: []byte(v)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// published waits until n records were published, and returns the task IDs.
func published(t *testing.T, c *cluster.Cluster, n int) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	log := c.Partition(testOut, 0)
	for next := int64(0); len(ids) < n; {
		page, err := log.Fetch(ctx, next, time.Second)
		if err != nil {
			t.Fatalf("%d of %d records were published: %v", len(ids), n, err)
		}
		for i := range page.Records {
			m, err := events.Message(&page.Records[i])
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.(*events.TaskProgressed).TaskId)
		}
		next = page.Next
	}
	return ids
}

// A partition that takes nothing must hold back only what goes there: not the owner,
// and not what goes elsewhere.
func TestADeadPartitionHoldsBackOnlyWhatGoesThere(t *testing.T) {
	c := newCluster(t)
	run(t, config(c))
	large := ":" + strings.Repeat("x", 200<<10)
	for i := range 60 { // 12 MB, more than is under way to one partition
		appendAll(t, c, strconv.Itoa(dead)+large, "0:"+strconv.Itoa(i))
	}
	for i, id := range published(t, c, 60) {
		if id != "0:"+strconv.Itoa(i) {
			t.Fatalf("record %d is %.20s", i, id)
		}
	}
}

// tally is a core that makes of each progress in another owner's log one of its own.
type tally struct{ relay }

func (c *tally) Publish(events.Logged, func(events.Outgoing)) {}

// tallyConfig owns a log whose input is the log of config.
func tallyConfig(c *cluster.Cluster) logowner.Config[string] {
	cfg := config(c)
	cfg.Name, cfg.Log, cfg.Group = "tally", "t.tally", "tally"
	cfg.Catalogue = append(testCatalogue(),
		events.Log{Topic: "t.tally", Kind: events.OwnedLog, Partitions: 1, Kept: events.WithHistory, Inputs: []string{testLog}},
		events.Log{Topic: events.Snapshots("t.tally"), Kind: events.SnapshotLog, Of: "t.tally", Partitions: 1, Kept: events.NewestTwo})
	cfg.Inputs = []logowner.Input[string]{{Topic: testLog, Prepare: func(_ string, _ int32, r *events.Record) string {
		if m, _ := events.Message(r); m != nil {
			if p, ok := m.(*events.TaskProgressed); ok {
				return p.TaskId
			}
		}
		return ""
	}}}
	cfg.NewCore = func(int32) eventlog.Core[string] { return &tally{} }
	cfg.Snapshots = logowner.Snapshots{Events: 3}
	return cfg
}

func (c *tally) Decide(in events.Input[string], now events.Clock, emit func(proto.Message)) {
	if in.Value != "" {
		c.relay.Decide(in, now, emit)
	}
}

// A log that another owner writes is an input like any other: each of its events takes
// effect once, through restarts of either owner, and none of it is deleted.
func TestAnOwnedLogIsAnInput(t *testing.T) {
	c := newCluster(t)
	stopRelay, stopTally := run(t, config(c)), run(t, tallyConfig(c))
	var want []string
	for round := range 3 {
		for i := range 10 {
			want = append(want, "0:"+strconv.Itoa(10*round+i))
		}
		appendAll(t, c, want[10*round:]...)
		counted(t, c, want[:10*round+5])
		stopRelay()
		stopTally()
		stopRelay, stopTally = run(t, config(c)), run(t, tallyConfig(c))
	}
	counted(t, c, want)
	stopTally()
	counted(t, c, want)
	if start, _, err := c.Offsets(t.Context(), testLog, 0); start != 0 || err != nil {
		t.Errorf("the input log begins at %d, %v: another owner has deleted from it", start, err)
	}
}

// counted waits until the tally has at least these, and fails if it has others.
func counted(t *testing.T, c *cluster.Cluster, want []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var got []string
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: c.Partition("t.tally", 0), Topic: "t.tally", From: 0, Now: time.Now,
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(*events.TaskProgressed); ok {
				got = append(got, m.TaskId)
			}
		}},
	})
	for len(got) < len(want) {
		if err := f.Step(ctx, time.Second); err != nil {
			t.Fatalf("the tally has %q, want %q: %v", got, want, err)
		}
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Fatalf("the tally has %q, want %q", got, want)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *logowner.Config[string])
		want   string
	}{
		"no name":           {func(c *logowner.Config[string]) { c.Name = "" }, "Name is empty"},
		"no entry":          {func(c *logowner.Config[string]) { c.Log = "other" }, `no entry of "other"`},
		"not owned":         {func(c *logowner.Config[string]) { c.Log = testInput }, "of kind \"input\""},
		"no input":          {func(c *logowner.Config[string]) { c.Inputs = nil }, "give each of them"},
		"another input":     {func(c *logowner.Config[string]) { c.Inputs[0].Topic = testOut }, "is not one of those"},
		"nothing reads":     {func(c *logowner.Config[string]) { c.Inputs[0].Prepare = nil }, "Prepare of input"},
		"a shared log":      {func(c *logowner.Config[string]) { c.Catalogue[2].Kind = events.SharedLog }, "shared log"},
		"more partitions":   {func(c *logowner.Config[string]) { c.Catalogue[2].Partitions = 3 }, "has 3 partitions"},
		"no such partition": {func(c *logowner.Config[string]) { c.Inputs[0].Partition = logowner.At(1) }, "is to read partition 1 of input"},
		"an input twice":    {func(c *logowner.Config[string]) { c.Inputs = append(c.Inputs, c.Inputs[0]) }, "is there twice"},
		"one input for two owners": {func(c *logowner.Config[string]) {
			c.Catalogue[0].Partitions, c.Catalogue[1].Partitions, c.Inputs[0].Partition = 2, 2, logowner.At(0)
		}, "each deletes what it has read"},
		"a foreign log": {func(c *logowner.Config[string]) { c.Catalogue[0].Foreign = true }, "is Foreign"},
		"no output":     {func(c *logowner.Config[string]) { c.Catalogue = c.Catalogue[:3] }, "has no entry of \"t.out\""},
		"no snapshots":  {func(c *logowner.Config[string]) { c.Catalogue[1].Topic = "x" }, "has no entry of \"t.events.snapshots\""},
		"no cluster":    {func(c *logowner.Config[string]) { c.Cluster = nil }, "Cluster is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cluster.Open(cluster.Config{Brokers: []string{"127.0.0.1:1"}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cfg := config(c)
			tt.change(&cfg)
			if _, err := logowner.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestStartsAndStops(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		t.Helper()
		b, err := embedded.Start(embedded.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := logowner.New(config(c))
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			c.Close()
			b.Close()
		}
	})
}
