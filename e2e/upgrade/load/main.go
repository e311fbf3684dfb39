// Command load is a program that uses Spanway, for the test of upgrades: "load BROKER PREFIX
// NAME PARTS" asks for tasks, puts entries in a queue, claims them and takes them out, asks
// for identifiers and gives some of them back. The test builds it with the packages of an
// older commit, too, so it uses no more of them than that commit has.
//
// PARTS are of "tasks,queue,ids". It tells its progress on stderr. A line on stdin ends what
// it begins, and is answered with "stopped"; at the end of stdin it takes out of the queue what
// is left, and prints a [Told].
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
)

// pause is the least time between two calls of one worker.
const pause = 50 * time.Millisecond

// Told is what the program was told by Spanway.
type Told struct {
	Tasks []string   `json:"tasks"` // that have succeeded
	Put   []string   `json:"put"`   // entries
	Taken []string   `json:"taken"` // entries that it took out
	Held  [][2]int64 `json:"held"`  // ranges that it has not given back
	Wrong []string   `json:"wrong"` // what should not be
}

type load struct {
	name   string
	client *client.Client
	queue  *queue.Queue
	ids    *ids.Client

	// stopped is closed when nothing more is to begin, drained when the queue is to be empty.
	stopped, drained chan struct{}
	calls            [4]atomic.Int64

	mu   sync.Mutex
	told Told
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: load BROKER PREFIX NAME PARTS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(broker, prefix, name, parts string) error {
	ctx := context.Background()
	c, err := cluster.Open(cluster.Config{Brokers: []string{broker}})
	if err != nil {
		return err
	}
	defer c.Close()
	l := &load{name: name, stopped: make(chan struct{}), drained: make(chan struct{})}
	var putting, taking sync.WaitGroup
	for part := range strings.SplitSeq(parts, ",") {
		switch part {
		case "tasks":
			if l.client, err = client.New(client.Config{Cluster: c, Prefix: prefix}); err != nil {
				return err
			}
			defer func() { _ = l.client.Close(ctx) }()
			for i := range 3 {
				putting.Go(func() { l.each(i, l.task) })
			}
		case "queue":
			if l.queue, err = queue.Open(ctx, c, "work", queue.Options{Prefix: prefix, Holder: name}); err != nil {
				return err
			}
			defer func() { _ = l.queue.Close() }()
			putting.Go(func() { l.each(0, l.put) })
			taking.Go(l.take)
		case "ids":
			if l.ids, err = ids.New(ids.Config{Cluster: c, Prefix: prefix, Timeout: time.Minute}); err != nil {
				return err
			}
			defer l.ids.Close()
			for i := range 3 { // At once, so that requests stand together.
				putting.Go(func() { l.each(i, l.grant) })
			}
		}
	}
	go l.progress()
	in := bufio.NewReader(os.Stdin)
	_, _ = in.ReadString('\n')
	close(l.stopped)
	putting.Wait()
	fmt.Println("stopped")
	_, _ = io.Copy(io.Discard, in)
	close(l.drained)
	taking.Wait()
	return json.NewEncoder(os.Stdout).Encode(l.told)
}

// each calls do again and again, each time with another ID.
func (l *load) each(worker int, do func(ctx context.Context, id string)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.stopped:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		do(ctx, fmt.Sprintf("%s-%d-%d", l.name, worker, n))
		cancel()
	}
}

// note counts a call, and keeps what it was told.
func (l *load) note(call int, keep func(*Told)) {
	l.calls[call].Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	keep(&l.told)
}

func (l *load) wrong(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(os.Stderr, "WRONG:", text)
	l.told.Wrong = append(l.told.Wrong, text)
}

// task asks for a task, and waits until it has succeeded. Every twentieth lasts, so that there
// is work that an engine hands back when it ends.
func (l *load) task(ctx context.Context, id string) {
	t := client.Task{ID: events.TaskID(id), Kind: "noop"}
	if l.calls[0].Load()%20 == 19 {
		t.Kind, t.Payload = "exec", []byte(`{"command":["sleep","0.5"]}`)
	}
	r, err := l.client.Do(ctx, t)
	switch {
	case err != nil:
		l.wrong("task %s: %v", id, err)
	case r.State != "succeeded" || r.Repeated:
		l.wrong("task %s is %s (repeated: %v): %v", id, r.State, r.Repeated, r.Error)
	default:
		l.note(0, func(t *Told) { t.Tasks = append(t.Tasks, id) })
	}
}

func (l *load) put(ctx context.Context, id string) {
	if _, err := l.queue.Enqueue(ctx, queue.Item{ID: id, Payload: []byte("work of " + id)}); err != nil {
		l.wrong("put %s: %v", id, err)
		return
	}
	l.note(1, func(t *Told) { t.Put = append(t.Put, id) })
}

// take claims entries and takes them out, whoever has put them in.
func (l *load) take() {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ; ; <-tick.C {
		over := false
		select {
		case <-l.drained:
			over = true
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		work, err := l.queue.Claim(ctx, queue.Request{Count: 4, Lease: time.Hour})
		switch {
		case errors.Is(err, queue.ErrNothingToClaim) && over:
			cancel()
			return
		case err != nil && !errors.Is(err, queue.ErrNothingToClaim):
			l.wrong("claim: %v", err)
		}
		for _, e := range work.Entries {
			if err := l.queue.Done(ctx, e.ID, work.Token); err != nil {
				l.wrong("take %s out: %v", e.ID, err)
				continue
			}
			l.note(2, func(t *Told) { t.Taken = append(t.Taken, e.ID) })
		}
		cancel()
	}
}

// grant asks for a range, and gives every other one back.
func (l *load) grant(ctx context.Context, id string) {
	g, err := l.ids.Grant(ctx, ids.Want{Space: "spi", Count: 4, Owner: l.name, RequestID: id})
	if err != nil {
		l.wrong("grant %s: %v", id, err)
		return
	}
	if l.calls[3].Load()%2 == 0 {
		// An allocator that ended may have released it without an answer: the next one says so.
		if err := l.ids.Release(ctx, g); err != nil && !ids.IsRefused(err, events.CodeGrantEnded) {
			l.wrong("release %s: %v", id, err)
		}
		l.note(3, func(*Told) {})
		return
	}
	l.note(3, func(t *Told) { t.Held = append(t.Held, [2]int64{g.From, g.To}) })
}

// progress tells how many calls were answered: of tasks, put, taken and granted.
func (l *load) progress() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		fmt.Fprintln(os.Stderr, "answered", l.calls[0].Load(), l.calls[1].Load(), l.calls[2].Load(), l.calls[3].Load())
	}
}
