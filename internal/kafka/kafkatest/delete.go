package kafkatest

import (
	"errors"
	"slices"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// deleteRecords: in the middle of a batch, again, below what is left, up to the
// end, and beyond it. What is left keeps its offsets.
func deleteRecords(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 2, nil)
	p := c.Partition(name, 1)
	appended(t, p, values("a", 4))
	appended(t, p, values("b", 4))
	for _, step := range []struct{ before, start int64 }{{2, 2}, {2, 2}, {1, 2}, {4, 4}, {0, 4}} {
		if err := c.DeleteRecords(limited(t), name, 1, step.before); err != nil {
			t.Fatalf("below %d: %v", step.before, err)
		}
		start, end, err := c.Offsets(limited(t), name, 1)
		if err != nil || start != step.start || end != 8 {
			t.Errorf("below %d: it holds [%d, %d), %v; want [%d, 8)", step.before, start, end, err, step.start)
		}
	}
	var gone *kafka.OutOfRange
	if _, err := p.Fetch(limited(t), 3, 0); !errors.As(err, &gone) || gone.Start != 4 || gone.End != 8 {
		t.Errorf("a fetch of what was deleted: %v", err)
	}
	records, _ := readAll(t, p, 4)
	if got := texts(records); !slices.Equal(got, []string{"b0", "b1", "b2", "b3"}) || records[0].Offset != 4 {
		t.Errorf("left are %q from %d", got, records[0].Offset)
	}
	if err := c.DeleteRecords(limited(t), name, 1, 9); !errors.As(err, &gone) {
		t.Errorf("beyond the end: %v", err)
	}
	if err := c.DeleteRecords(limited(t), name, 1, 8); err != nil {
		t.Error(err)
	}
	if base := appended(t, p, values("c", 1)); base != 8 {
		t.Errorf("after all was deleted, a record got the offset %d", base)
	}
	if err := c.DeleteRecords(limited(t), name, 0, 0); err != nil {
		t.Errorf("of an empty partition: %v", err)
	}
}
