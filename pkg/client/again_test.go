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

// Of several first requests for one ID, the events say which came again: whatever was
// seen first.
func TestWhichRequestCameAgain(t *testing.T) {
	d, ctx := newDesk(t), runtest.Within(t)
	pool := string(events.DefaultPool)
	again := func(id string, request, ended int64) *events.TaskRepeated {
		return &events.TaskRepeated{TaskId: id, Pool: pool, EndedAtOffset: ended, Source: &events.Source{Topic: topics.Requests(), Partition: d.partition, Offset: request}}
	}
	log := d.memory.log(topics.Requests(), d.partition)
	another := func() {
		t.Helper()
		if _, err := log.Append(ctx, []events.Record{{Key: []byte(pool)}}); err != nil {
			t.Fatal(err)
		}
	}
	// Offset 0 is another's, and makes the task; 1 is ours.
	another()
	if _, err := d.Submit(ctx, Task{ID: "second", Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	d.decide(2, accepted("second"), again("second", 1, -1))
	if got, err := d.Repeated(ctx, "", "second"); !got || err != nil {
		t.Errorf("of the second one: %v, %v", got, err)
	}
	// Ours is 2, and another's comes again.
	if _, err := d.Submit(ctx, Task{ID: "first", Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	another()
	d.decide(4, accepted("first"), again("first", 3, -1))
	if got, err := d.Repeated(ctx, "", "first"); got || err != nil {
		t.Errorf("of the first one: %v, %v", got, err)
	}
	// Those that are told when they are decided, in whatever order they are.
	type answer struct {
		Decision
		err error
	}
	told := make(chan answer, 3)
	for _, id := range []string{"new", "first", "bad"} {
		d.SubmitRequestDecided(ctx, Task{ID: events.TaskID(id), Kind: "k"}.Request(), func(events.TaskID, error) {},
			func(got Decision, err error) { told <- answer{got, err} })
	}
	d.decide(7, accepted("new"), again("first", 5, 3),
		&events.TaskRejected{TaskId: "bad", Pool: pool, Code: "BAD_DATA", Source: &events.Source{Topic: topics.Requests(), Partition: d.partition, Offset: 6}})
	var repeated, refused int
	for range 3 {
		select {
		case got := <-told:
			if got.err != nil {
				t.Error(got.err)
			}
			if got.Repeated {
				repeated++
			}
			if got.Refused != nil && got.Refused.Code == events.CodeBadData {
				refused++
			}
		case <-ctx.Done():
			t.Fatal("not all are told")
		}
	}
	if repeated != 1 || refused != 1 {
		t.Errorf("%d came again and %d were refused; want 1 and 1", repeated, refused)
	}
	// A task that ends before our request is decided was made by another's.
	another()
	ended := make(chan Result, 1)
	go func() {
		result, _ := d.Do(ctx, Task{ID: "quick", Kind: "k"})
		ended <- result
	}()
	d.requested(9)
	d.decide(8, accepted("quick"), succeeded("quick", ""))
	d.decide(9, again("quick", 8, 9))
	if got := <-ended; !got.Repeated {
		t.Errorf("of the one that ended before: %+v", got)
	}
}
