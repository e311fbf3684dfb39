package logowner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
)

// foreignInput is the entry of testInput as another service makes it, with three partitions.
func foreignInput() events.Log {
	return events.Log{Topic: testInput, Kind: events.InputLog, Partitions: 3, Kept: events.UntilFolded, Foreign: true}
}

// foreignConfig reads two partitions of an input that is another service's.
func foreignConfig(c *cluster.Cluster) logowner.Config[string] {
	cfg := config(c)
	cfg.Catalogue[2] = foreignInput()
	cfg.Inputs[0].Partition = logowner.At(2)
	second := cfg.Inputs[0]
	second.Partition = logowner.At(0)
	cfg.Inputs = append(cfg.Inputs, second)
	cfg.Snapshots = logowner.Snapshots{Events: 3}
	return cfg
}

// A topic of another service is waited for and not made; of it the partitions are read that the
// program says, each record once, over restarts, and none is deleted.
func TestInputsOfAnotherService(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := newCluster(t)
	s, err := logowner.New(foreignConfig(c))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	for trouble := error(nil); trouble == nil || !strings.Contains(trouble.Error(), "there is no topic "+testInput); trouble = s.Trouble() {
		select {
		case <-s.Ready():
			t.Fatal("it is ready without its input")
		case err := <-ended:
			t.Fatalf("it has ended: %v", err)
		case <-time.After(10 * time.Millisecond): // Trouble is not told, it is asked for.
		}
		if ctx.Err() != nil {
			t.Fatalf("it does not say what it waits for: %v", trouble)
		}
	}
	if n, err := c.Kafka().Partitions(ctx, testInput); n != 0 || err != nil {
		t.Fatalf("it has made the topic of another service: %d partitions, %v", n, err)
	}
	if _, err := c.Ensure(ctx, events.Specs([]events.Log{foreignInput()})); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Ready():
	case err := <-ended:
		t.Fatalf("it has ended: %v", err)
	case <-ctx.Done():
		t.Fatalf("it is not ready: %v", s.Trouble())
	}
	put := func(partition int32, value string) {
		t.Helper()
		if _, err := c.Partition(testInput, partition).Append(ctx, []events.Record{{Value: []byte(value)}}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{}
	for _, v := range []string{"a", "b", "c", "d", "e", "f"} {
		put(1, "0:not read "+v)
		put(2, "0:second "+v)
		put(0, "0:first "+v)
		want["0:first "+v], want["0:second "+v] = true, true
	}
	decided(t, c, len(want))
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stopAgain := run(t, foreignConfig(c))
	put(0, "0:last")
	want["0:last"] = true
	for _, id := range decided(t, c, len(want)) {
		if !want[id] {
			t.Errorf("%q was decided, or twice", id)
		}
		delete(want, id)
	}
	stopAgain()
	for partition := range int32(3) {
		if start, _, err := c.Offsets(ctx, testInput, partition); start != 0 || err != nil {
			t.Errorf("partition %d of the input begins at %d, %v", partition, start, err)
		}
	}
}

// A topic of another service that has another number of partitions ends the program.
func TestAnInputOfAnotherServiceWithOtherPartitions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := newCluster(t)
	other := foreignInput()
	other.Partitions = 4
	if _, err := c.Ensure(ctx, events.Specs([]events.Log{other})); err != nil {
		t.Fatal(err)
	}
	s, err := logowner.New(foreignConfig(c))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err == nil || !strings.Contains(err.Error(), "has 4 partitions, and 3 are expected") {
		t.Errorf("it ends with %v", err)
	}
}

// decided waits until the log holds n events of the relay, and returns what each was made of.
func decided(t *testing.T, c *cluster.Cluster, n int) (values []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: c.Partition(testLog, 0), Topic: testLog, From: 0, Now: time.Now,
		Hooks: eventlog.FollowerHooks{Visit: func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(*events.TaskProgressed); ok {
				values = append(values, m.TaskId)
			}
		}},
	})
	for len(values) < n {
		if err := f.Step(ctx, time.Second); err != nil {
			t.Fatalf("%d of %d records are decided: %v", len(values), n, err)
		}
	}
	return values
}
