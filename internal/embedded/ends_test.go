package embedded_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// The end of a partition whose records were all deleted survives a kill at any moment.
func TestTheEndOfAnEmptyPartitionSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	for round := range int64(3) {
		addr, kill := child(t, dir)
		c := kafka.New(kafka.Config{Brokers: []string{addr}})
		if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
		if base, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}, {Value: []byte("y")}}); err != nil || base != 2*round {
			t.Fatalf("round %d begins at %d, %v", round, base, err)
		}
		if err := c.DeleteRecords(t.Context(), "t", 0, 2*round+2); err != nil {
			t.Fatal(err)
		}
		c.Close()
		kill()
	}
	bounds(t, dir, 6, 6)
}

// Records that were deleted stay deleted after a kill, whole batches and parts of one.
func TestDeletedRecordsSurviveKill(t *testing.T) {
	dir := t.TempDir()
	addr, kill := child(t, dir)
	c := kafka.New(kafka.Config{Brokers: []string{addr}})
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}, {Value: []byte("y")}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, below := range []int64{5, 3} { // The second deletes nothing.
		if err := c.DeleteRecords(t.Context(), "t", 0, below); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	kill()
	bounds(t, dir, 5, 6)
	bounds(t, dir, 5, 7) // It was closed.
}

// A topic that is created again has none of the starts of the one before.
func TestATopicThatIsCreatedAgainBeginsAtZero(t *testing.T) {
	dir := t.TempDir()
	addr, kill := child(t, dir)
	c := kafka.New(kafka.Config{Brokers: []string{addr}})
	topic := []events.TopicSpec{{Name: "t", Partitions: 1}}
	for _, then := range []func() error{
		func() error { return c.DeleteRecords(t.Context(), "t", 0, 2) },
		func() error { return c.DeleteTopics(t.Context(), []string{"t"}) },
		func() error { return nil },
	} {
		if _, err := c.Ensure(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}, {Value: []byte("y")}}); err != nil {
			t.Fatal(err)
		}
		if err := then(); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	kill()
	bounds(t, dir, 0, 2)
}

// What a crash may leave of a partition that held two records, or none any more.
func TestWhatACrashLeaves(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	b := startOn(t, embedded.Config{DataDir: whole})
	send(t, b, 2, 100)
	b.Close()
	part := filepath.Join(whole, "partitions", "t-0")
	records, err := os.ReadFile(filepath.Join(part, "0.dat"))
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]byte(nil), records...)
	broken[40]++
	emptied := []byte(`{"version":1,"high_watermark":2,"last_stable_offset":2,"log_start_offset":2,"epoch":3,"segments":null}`)
	for name, c := range map[string]struct {
		files      map[string][]byte
		start, end int64
	}{
		"nothing was ever written":           {nil, 0, 0},
		"closed without records":             {map[string][]byte{"snapshot.json": emptied}, 2, 2},
		"killed before deleting":             {map[string][]byte{"0.dat": records, "2.dat": nil}, 0, 2},
		"killed before deleting a part":      {map[string][]byte{"0.dat": records, "start": []byte("1")}, 1, 2},
		"its tail lost, and a start":         {map[string][]byte{"0.dat": records, "start": []byte("5")}, 2, 2},
		"all lost, and a start":              {map[string][]byte{"start": []byte("5")}, 5, 5},
		"killed while the start was written": {map[string][]byte{"0.dat": records, "start.tmp": []byte("1")}, 0, 2},
		"killed while deleting":              {map[string][]byte{"2.dat": nil, "0.idx": nil}, 2, 2},
		"killed after deleting again":        {map[string][]byte{"2.dat": nil, "7.dat": nil}, 7, 7},
		"half a batch behind the end":        {map[string][]byte{"2.dat": records[:30]}, 2, 2},
		"a few bytes behind the end":         {map[string][]byte{"2.dat": records[:3]}, 2, 2},
		"a batch that is broken":             {map[string][]byte{"2.dat": broken}, 2, 2},
		"killed while the end was restored":  {map[string][]byte{"2.dat": nil, "1.dat": nil, "snapshot.json": emptied, "snapshot.json.tmp": []byte("{")}, 2, 2},
		"a snapshot that cannot be read":     {map[string][]byte{"2.dat": nil, "snapshot.json": []byte("{")}, 2, 2},
		"an older snapshot, records came":    {map[string][]byte{"0.dat": records, "snapshot.json": []byte(`{"version":1,"high_watermark":0}`)}, 0, 2},
		"an older snapshot, all was deleted": {map[string][]byte{"9.dat": nil, "snapshot.json": emptied}, 9, 9},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			part := filepath.Join(dir, "partitions", "t-0")
			if err := os.RemoveAll(part); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(part, 0o755); err != nil {
				t.Fatal(err)
			}
			for name, b := range c.files {
				if err := os.WriteFile(filepath.Join(part, name), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			bounds(t, dir, c.start, c.end)
			bounds(t, dir, c.start, c.end+1)
			bounds(t, dir, c.start, c.end+2)
		})
	}
}

// bounds checks what partition 0 of t holds in a broker on dir, and appends a record.
func bounds(t *testing.T, dir string, start, end int64) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: b.Addrs()})
	defer c.Close()
	if s, e, err := c.Offsets(t.Context(), "t", 0); err != nil || s != start || e != end {
		t.Errorf("it holds [%d, %d), %v; want [%d, %d)", s, e, err, start, end)
	}
	if base, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("z")}}); err != nil || base != end {
		t.Errorf("a record got the offset %d, %v; want %d", base, err, end)
	}
}
