package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// lose has the log lose what stands from an offset on, after the client has read it,
// and grow again, beyond what was read, before the client reads on.
func (d *desk) lose(from int64) {
	d.t.Helper()
	read := d.log.End()
	d.read(read)
	d.log.Lose(from)
	d.claim()
	for d.log.End() < read+3 {
		d.decide(-1, accepted("filler"))
	}
}

// TestDoOverALostTail: a client that has read beyond what the log holds still waits
// for what comes, not for ever.
func TestDoOverALostTail(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type answer struct {
		Result
		error
	}
	done := make(chan answer, 1)
	go func() {
		r, err := d.Do(ctx, Task{ID: "a", Kind: "k"})
		done <- answer{r, err}
	}()
	d.requested(1)
	before := d.log.End()
	d.decide(1, accepted("a"))
	d.decide(-1, accepted("b"))
	d.decide(-1, accepted("c"))
	d.lose(before)
	d.decide(1, accepted("a"), succeeded("a", "done"))
	if a := <-done; a.error != nil || string(a.Data) != "done" {
		t.Errorf("Do returns %+v, %v", a.Result, a.error)
	}
}

// TestCancelOverALostTail: the command is decided anew, and that is its answer.
func TestCancelOverALostTail(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Cancel(ctx, "", "a", "") }()
	d.requested(1)
	before := d.log.End()
	d.decide(0, accepted("b"))
	d.decide(0, accepted("c"))
	d.decide(0, accepted("d"))
	d.lose(before)
	d.decide(1, cancelled("a"))
	if err := <-done; err != nil {
		t.Errorf("Cancel returns %v", err)
	}
}

// TestWaitOverALostTail: what was known of a task from what is lost holds no more.
func TestWaitOverALostTail(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := d.Submit(ctx, Task{ID: "a", Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	before := d.log.End()
	d.decide(1, accepted("a"))
	d.decide(-1, succeeded("a", "first"))
	if r, err := d.Wait(ctx, "", "a"); err != nil || string(r.Data) != "first" {
		t.Fatalf("Wait returns %+v, %v", r, err)
	}
	d.lose(before)
	d.read(d.log.End())
	done := make(chan error, 1)
	go func() {
		r, err := d.Wait(ctx, "", "a")
		if err == nil && string(r.Data) != "second" {
			err = fmt.Errorf("the result is %q", r.Data)
		}
		done <- err
	}()
	for tl := d.tails[d.partition]; !tl.awaited(taskKey{events.DefaultPool, "a"}); {
		select {
		case err := <-done:
			t.Fatalf("Wait does not wait: %v", err)
		default:
			runtime.Gosched()
		}
	}
	d.decide(1, accepted("a"), succeeded("a", "second"))
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// awaited tells whether anything waits for a task.
func (t *tail) awaited(key taskKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiters[key]) > 0
}

// TestAnEffectThatIsLost: what a command seemed to cause is not its effect if the
// decision that stands says nothing of it.
func TestAnEffectThatIsLost(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type answer struct {
		n   int64
		err error
	}
	done := make(chan answer, 1)
	go func() {
		n, err := d.CancelMany(ctx, "", nil, "")
		done <- answer{n, err}
	}()
	d.requested(1)
	before := d.log.End()
	d.decide(0, &events.TaskBulkCancelStarted{Pool: string(events.DefaultPool), Filter: &events.TaskFilter{}, Matched: 5, AtMs: 1})
	d.lose(before)
	d.decide(1, accepted("b"))
	if a := <-done; a.err != nil || a.n != 0 {
		t.Errorf("CancelMany returns %d, %v", a.n, a.err)
	}
}

// TestADecisionThatIsLost: neither that a command was decided holds any more, nor
// how; what comes in its place does.
func TestADecisionThatIsLost(t *testing.T) {
	refusal := &events.TaskRejected{
		TaskId: "a", Pool: string(events.DefaultPool), Code: string(events.CodeUnknownTask), AtMs: 1,
		Source: &events.Source{Topic: topics.Requests(), Partition: events.PoolPartition(events.DefaultPool), Offset: 0},
	}
	for name, decided := range map[string]struct{ lost, then proto.Message }{
		"refused, then done": {refusal, cancelled("a")}, "done, then refused": {cancelled("a"), refusal},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tl, err := d.tailOf(ctx, events.DefaultPool)
			if err == nil {
				err = tl.run(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			before := d.log.End()
			d.decide(1, decided.lost)
			d.decide(-1, accepted("b"))
			d.lose(before)
			d.read(d.log.End())
			done := make(chan error, 1)
			go func() { done <- d.Cancel(ctx, "", "a", "") }()
			d.requested(1)
			d.decide(1, decided.then)
			err = <-done
			if refused := (*Refused)(nil); errors.As(err, &refused) != (decided.then == refusal) || err != nil && refused == nil {
				t.Errorf("Cancel returns %v", err)
			}
		})
	}
}

// TestWatchOverALostTail: it is told from where on what it saw does not hold.
func TestWatchOverALostTail(t *testing.T) {
	d := newDesk(t)
	before := d.log.End()
	enough := errors.New("enough")
	var seen []string
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.Watch(t.Context(), WatchConfig{
			Pool: events.DefaultPool, Began: func() { close(began) },
			Rewound: func(from events.Place) { seen = append(seen, fmt.Sprint("<", from.Offset)) },
		}, func(e Event) error {
			if seen = append(seen, string(TaskOf(e.Message))); TaskOf(e.Message) == "end" {
				return enough
			}
			return nil
		})
	}()
	<-began
	d.decide(-1, accepted("a"))
	d.decide(-1, accepted("b"))
	d.lose(before + 1)
	d.decide(-1, accepted("end"))
	if err := <-done; !errors.Is(err, enough) {
		t.Fatalf("Watch returns %v", err)
	}
	got, rest := strings.Join(seen, " "), "filler filler filler end"
	// How far it goes back depends on the pages that it read.
	if got != fmt.Sprintf("a b <%d a %s", before, rest) && got != fmt.Sprintf("a b <%d %s", before+1, rest) {
		t.Errorf("Watch saw %s", got)
	}
}

type denial struct{}

func (denial) Error() string { return "the principal may not read" }
func (denial) Denied() bool  { return true }

// waits are the ways to wait for what the log says.
var waits = map[string]func(context.Context, *Client) error{
	"Do":     func(ctx context.Context, c *Client) error { _, err := c.Do(ctx, Task{Kind: "k"}); return err },
	"Wait":   func(ctx context.Context, c *Client) error { _, err := c.Wait(ctx, "", "a"); return err },
	"Cancel": func(ctx context.Context, c *Client) error { return c.Cancel(ctx, "", "a", "") },
	"Watch": func(ctx context.Context, c *Client) error {
		return c.Watch(ctx, WatchConfig{Pool: events.DefaultPool}, func(Event) error { return nil })
	},
}

// TestWhatDoesNotPassEndsTheWait: a missing right, and events that were deleted
// before they were read, are no reason to wait on; and the next wait is a new one.
func TestWhatDoesNotPassEndsTheWait(t *testing.T) {
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error, 1)
			begin := func() { go func() { done <- wait(ctx, d.Client) }() }

			begin()
			d.read(d.log.End()) // It has begun.
			d.memory.fail(denial{})
			d.decide(-1, accepted("b"))
			if err := <-done; !eventlog.IsDenied(err) {
				t.Errorf("denied, it returns %v", err)
			}
			d.memory.fail(nil)
			begin()
			d.read(d.log.End())
			d.memory.fail(errors.New("the broker is away"))
			d.decide(-1, accepted("c"), accepted("d"))
			d.log.Truncate(d.log.End())
			d.memory.fail(nil)
			var gap *eventlog.OvertakenError
			if err := <-done; !errors.As(err, &gap) {
				t.Errorf("overtaken, it returns %v", err)
			}
		})
	}
}

// TestTroubleIsLogged: what passes is waited out, and told.
func TestTroubleIsLogged(t *testing.T) {
	var log journal
	d := newDesk(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := d.Do(ctx, Task{ID: "a", Kind: "k"})
		done <- err
	}()
	d.requested(1)
	d.memory.fail(errors.New("the broker is away"))
	d.decide(1, accepted("a"), succeeded("a", ""))
	log.await(t, "the broker is away")
	d.memory.fail(nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	log.await(t, "it goes on again")
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, log.String())
	}
}

// journal is a log that can be waited for. It is safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{}
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.written != nil {
		close(j.written)
		j.written = nil
	}
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) await(t *testing.T, what string) {
	t.Helper()
	for {
		j.mu.Lock()
		there := strings.Contains(j.text.String(), what)
		if j.written == nil {
			j.written = make(chan struct{})
		}
		written := j.written
		j.mu.Unlock()
		if there {
			return
		}
		select {
		case <-written:
		case <-t.Context().Done():
			t.Fatalf("the log does not say %q", what)
		}
	}
}
