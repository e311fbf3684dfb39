package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct{ *runtest.House }

func newHouse(t *testing.T) house {
	t.Helper()
	return house{runtest.Start(t)}
}

func (h house) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{Brokers: h.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t *testing.T) context.Context { return runtest.Within(t) }

func TestDoReturnsWhatTheHandlerReturned(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	r, err := c.Do(ctx, Task{ID: "one", Kind: "echo", Payload: []byte("hello")})
	if err != nil || r.State != Succeeded || string(r.Data) != "hello" || r.Engine != "e1" || r.Attempt != 1 || r.Repeated {
		t.Fatalf("Do returns %+v, %v", r, err)
	}
	// The same ID is the same task, for this client and for others.
	for _, c := range []*Client{c, h.client(t)} {
		again, err := c.Do(ctx, Task{ID: "one", Kind: "echo", Payload: []byte("other")})
		if err != nil || string(again.Data) != "hello" || again.Offset != r.Offset || !again.Repeated {
			t.Errorf("Do of the same ID returns %+v, %v; want the first result at offset %d", again, err, r.Offset)
		}
	}
}

func TestWait(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	id, err := c.Submit(ctx, Task{Kind: "echo", Payload: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*Client{"the submitter": c, "the submitter again": c, "another": h.client(t)} {
		if r, err := c.Wait(ctx, "", id); err != nil || string(r.Data) != "x" {
			t.Errorf("Wait of %s returns %+v, %v", name, r, err)
		}
	}
	brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(brief, "", "absent"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait for a task that nobody submitted returns %v", err)
	}
}

func TestFailure(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	r, err := c.Do(ctx, Task{Kind: "fail"})
	var failed *TaskFailed
	if !errors.As(err, &failed) || r.State != Failed || !strings.Contains(err.Error(), "no such picture") {
		t.Errorf("Do of a task that fails returns %+v, %v", r, err)
	}
}

func TestManyShareATail(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	var group errgroup.Group
	for i := range 2000 {
		group.Go(func() error {
			want := fmt.Sprint(i)
			r, err := c.Do(ctx, Task{Kind: "echo", Payload: []byte(want)})
			if err == nil && string(r.Data) != want {
				err = fmt.Errorf("task %d returned %q", i, r.Data)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(c.tails); n != 1 {
		t.Errorf("%d tails for one pool", n)
	}
}

func TestRefusedHereAndThere(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	bad := Task{ID: "bad", Kind: "echo", Predicate: "engine.labels.gpu >="}
	var refused *Refused
	if _, err := c.Submit(ctx, bad); !errors.As(err, &refused) || refused.Code != events.CodeBadPredicate {
		t.Fatalf("Submit of a bad predicate returns %v", err)
	}
	// The scheduler says the same of a request that did not pass by Submit.
	tl, err := c.tailOf(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	w := tl.register(taskKey{"default", "bad"}, -1)
	if err := tl.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := bad.Request()
	r.Pool = "default"
	offset, err := c.command(ctx, "default", newID(), r)
	if err != nil {
		t.Fatal(err)
	}
	tl.asked(w, offset)
	if _, err := tl.await(ctx, w); !errors.As(err, &refused) || refused.Code != events.CodeBadPredicate {
		t.Errorf("the scheduler refuses with %v", err)
	}
}

func TestCancelAndRetry(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Do(ctx, Task{ID: "w", Kind: "wait"})
		ended <- err
	}()
	<-h.Entered
	if err := c.Cancel(ctx, "", "w", "enough"); err != nil {
		t.Fatal(err)
	}
	var failed *TaskFailed
	if err := <-ended; !errors.As(err, &failed) || failed.Result.State != Cancelled || failed.Result.Reason != "enough" {
		t.Errorf("Do of the cancelled task returns %v", err)
	}
	var refused *Refused
	if err := c.Cancel(ctx, "", "w", ""); !errors.As(err, &refused) || refused.Code != events.CodeAlreadyEnded {
		t.Errorf("the second Cancel returns %v", err)
	}
	if err := c.Cancel(ctx, "", "absent", ""); !errors.As(err, &refused) || refused.Code != events.CodeUnknownTask {
		t.Errorf("Cancel of no task returns %v", err)
	}
	again, err := c.Retry(ctx, "", "w")
	if err != nil || again != "w.r1" {
		t.Fatalf("Retry returns %q, %v", again, err)
	}
	if twice, err := c.Retry(ctx, "", "w"); err != nil || twice != again {
		t.Errorf("Retry of what is being retried returns %q, %v", twice, err)
	}
	<-h.Entered
	if n, err := c.CancelMany(ctx, "", &events.TaskFilter{Kind: "wait"}, "all"); err != nil || n != 1 {
		t.Errorf("CancelMany returns %d, %v", n, err)
	}
	if _, err := c.Wait(ctx, "", again); !errors.As(err, &failed) || failed.Result.Reason != "all" {
		t.Errorf("Wait for the retried task returns %v", err)
	}
}

func TestDrainAndResume(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	if err := c.Drain(ctx, "", "e1", "new kernel"); err != nil {
		t.Fatal(err)
	}
	if err := c.Drain(ctx, "", "e1", "new kernel"); err != nil {
		t.Errorf("Drain of a draining engine returns %v", err)
	}
	id, err := c.Submit(ctx, Task{Kind: "echo"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Resume(ctx, "", "e1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(ctx, "", id); err != nil {
		t.Error(err)
	}
	var refused *Refused
	if err := c.Resume(ctx, "", "absent"); !errors.As(err, &refused) || refused.Code != events.CodeUnknownEngine {
		t.Errorf("Resume of no engine returns %v", err)
	}
}

func TestWatch(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	began := make(chan struct{})
	var seen bytes.Buffer
	enough := errors.New("enough")
	watched := make(chan error, 1)
	go func() {
		watched <- c.Watch(ctx, WatchConfig{Pool: "blue", Began: func() { close(began) }}, func(e Event) error {
			fmt.Fprintln(&seen, TaskOf(e.Message), e.Type)
			if e.Type == events.TypeTaskCancelled {
				return enough
			}
			return nil
		})
	}()
	<-began
	if _, err := c.Do(ctx, Task{Kind: "echo"}); err != nil { // Of another pool.
		t.Fatal(err)
	}
	if _, err := c.Submit(ctx, Task{ID: "b", Pool: "blue", Kind: "echo"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Cancel(ctx, "blue", "b", ""); err != nil {
		t.Fatal(err)
	}
	if err := <-watched; !errors.Is(err, enough) {
		t.Errorf("Watch returns %v", err)
	}
	want := "b spanway.task.accepted.v1\nb spanway.task.cancelled.v1\n"
	if seen.String() != want {
		t.Errorf("seen:\n%swant:\n%s", seen.String(), want)
	}
}

func TestSubmitAsyncIsDurableWhenDone(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	const n = 500
	var done sync.WaitGroup
	done.Add(n)
	for i := range n {
		c.SubmitAsync(ctx, Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "echo"}, func(id events.TaskID, err error) {
			if err != nil || id != events.TaskID(fmt.Sprint("t", i)) {
				t.Errorf("task %d: %q, %v", i, id, err)
			}
			done.Done()
		})
	}
	done.Wait()
	_, end, err := c.Offsets(ctx, c.Topics().Requests(), events.PoolPartition("default"))
	if err != nil || end != n {
		t.Errorf("the requests end at %d, %v; want %d", end, err, n)
	}
}

func TestUnavailable(t *testing.T) {
	c, err := New(Config{Brokers: []string{"127.0.0.1:1"}, DialTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var away *Unavailable
	if err := c.Check(t.Context()); !errors.As(err, &away) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Check returns %v", err)
	}
}
