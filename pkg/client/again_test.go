package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/events"
)

// A submission under an ID that is known is told from the first one.
func TestRepeated(t *testing.T) {
	d, ctx := newDesk(t), runtest.Within(t)
	pool := string(events.DefaultPool)
	submit := func(id events.TaskID) {
		t.Helper()
		if _, err := d.Submit(ctx, Task{ID: id, Kind: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		id      string
		decided func()
		want    bool
	}{
		{"a", func() { d.decide(1, accepted("a")) }, false},
		{"a", func() { d.decide(2, &events.TaskRepeated{TaskId: "a", Pool: pool, EndedAtOffset: -1}) }, true},
		{"b", func() { d.decide(3, &events.TaskRepeated{TaskId: "b", Pool: pool, EndedAtOffset: 7}) }, true},
		// Another repeats it after us, and one had ended in between.
		{"c", func() {
			d.decide(4, accepted("c"), &events.TaskRepeated{TaskId: "c", Pool: pool, EndedAtOffset: -1})
		}, false},
		{"d", func() {
			d.decide(5, succeeded("d", ""), &events.TaskRepeated{TaskId: "d", Pool: pool, EndedAtOffset: 9})
		}, true},
	} {
		submit(events.TaskID(c.id))
		c.decided()
		if again, err := d.Repeated(ctx, "", events.TaskID(c.id)); again != c.want || err != nil {
			t.Errorf("submission %d, of %s: %v, %v; want %v", i, c.id, again, err, c.want)
		}
	}

	submit("undecided")
	short, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	if _, err := d.Repeated(short, "", "undecided"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of one that is not decided: %v", err)
	}
	if _, err := d.Repeated(ctx, "", "of another"); err == nil {
		t.Error("of one that was not submitted it tells something")
	}
	d.decide(6, &events.TaskRejected{TaskId: "undecided", Pool: pool, Code: "BAD_DATA", Source: &events.Source{Topic: topics.Requests(), Partition: d.partition, Offset: 5}})
	var refused *Refused
	if _, err := d.Repeated(ctx, "", "undecided"); !errors.As(err, &refused) {
		t.Errorf("of one that was refused: %v", err)
	}
}
