package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/events"
)

// testEnds is what every broker must tell of the ends of partitions.
func testEnds(t *testing.T, addr string) {
	t.Run("the ends of many partitions are told at once", func(t *testing.T) {
		c := New(Config{Brokers: []string{addr}, RetryBudget: 20 * time.Second})
		defer c.Close()
		topics := []events.TopicSpec{{Name: "ends-a", Partitions: 3}, {Name: "ends-b", Partitions: 1}}
		if _, err := c.Ensure(t.Context(), topics); err != nil {
			t.Fatal(err)
		}
		for p, n := range map[int32]int{0: 3, 2: 1} {
			if _, err := c.Partition("ends-a", p).Append(t.Context(), make([]events.Record, n)); err != nil {
				t.Fatal(err)
			}
		}
		ends, err := c.Ends(t.Context(), map[string][]int32{"ends-a": {0, 1, 2}, "ends-b": {0}})
		if err != nil || !maps.Equal(ends["ends-a"], map[int32]int64{0: 3, 1: 0, 2: 1}) || !maps.Equal(ends["ends-b"], map[int32]int64{0: 0}) {
			t.Errorf("%v, %v", ends, err)
		}
		ends, err = c.Ends(t.Context(), map[string][]int32{"ends-a": {0, 7}, "ends-none": {0}})
		if err == nil || !maps.Equal(ends["ends-a"], map[int32]int64{0: 3}) || len(ends) != 1 {
			t.Errorf("beside what is not there: %v, %v", ends, err)
		}
		ends, err = c.Ends(t.Context(), map[string][]int32{"ends-a": {2, 0, 2}})
		if err != nil || !maps.Equal(ends["ends-a"], map[int32]int64{0: 3, 2: 1}) {
			t.Errorf("of one that is named twice: %v, %v", ends, err)
		}
		if err := c.DeleteRecords(t.Context(), "ends-a", 0, 2); err != nil {
			t.Fatal(err)
		}
		starts, err := c.Starts(t.Context(), map[string][]int32{"ends-a": {0, 2}, "ends-b": {0}})
		if err != nil || !maps.Equal(starts["ends-a"], map[int32]int64{0: 2, 2: 0}) || !maps.Equal(starts["ends-b"], map[int32]int64{0: 0}) {
			t.Errorf("where they begin: %v, %v", starts, err)
		}
		if ends, err := c.Ends(t.Context(), nil); err != nil || len(ends) > 0 {
			t.Errorf("of nothing: %v, %v", ends, err)
		}
	})
}

// A topic that was deleted just now is not present, though the client still lists it.
func TestWhatWasJustDeletedIsNotPresent(t *testing.T) {
	b, err := embedded.Start(embedded.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c := New(Config{Brokers: []string{b.Addr()}, RetryBudget: 20 * time.Second})
	defer c.Close()
	topics := []events.TopicSpec{{Name: "present-a", Partitions: 1}, {Name: "present-b", Partitions: 2}}
	if _, err := c.Ensure(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
	present := func(want ...string) {
		t.Helper()
		found, err := c.Present(t.Context(), "present-")
		var names []string
		for _, f := range found {
			names = append(names, f.Name)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%v, %v, want %v", names, err, want)
		}
	}
	present("present-a", "present-b")
	if err := c.DeleteTopics(t.Context(), []string{"present-a"}); err != nil {
		t.Fatal(err)
	}
	present("present-b")
}

// An answer that is cut short, or lies, gives an error and reads nothing else.
func TestAnswersAboutEndsThatAreCutShort(t *testing.T) {
	whole := told{
		0, 0, 0, 0, // throttled
		0, 0, 0, 1, 0, 1, 't', // a topic
		0, 0, 0, 2,
		0, 0, 0, 4, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 1, 0,
		0, 0, 0, 5, 0, 6, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	}
	r, err := readEnds(whole)
	if want := "[{{t 4} 0 256} {{t 5} 6 -1}]"; err != nil || fmt.Sprint(r.ends) != want {
		t.Fatalf("%v, %v, want %s", r, err, want)
	}
	for n := range whole {
		if r, err := readEnds(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), r)
		}
	}
	if _, err := readEnds(told{0, 0, 0, 0, 127, 255, 255, 255}); !errors.Is(err, errEndsCutShort) {
		t.Errorf("so many topics: %v", err)
	}
}
