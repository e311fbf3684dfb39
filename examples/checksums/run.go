package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// silence is after how long without any event the run is given up.
const silence = time.Minute

// demo is one run of the example.
type demo struct {
	options
	client *client.Client
	run    string
	files  []file
	ids    []string // task of each file
	ledger *ledger
	// seen are the pool's events; failed is what went wrong in the background.
	seen   chan client.Event
	failed chan error
	child  *child
	bar    *progress
	// killed is when the victim was killed, idleFrom since when only its tasks
	// were left, waited how long until it was declared lost.
	killed, idleFrom time.Time
	waited           time.Duration
}

func run(ctx context.Context, o options) (err error) {
	files, unreadable, err := walk(o.dir)
	if err != nil {
		return err
	}
	c, err := client.New(client.Config{Brokers: o.brokers, Source: "/examples/checksums"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	if err := c.Check(ctx); err != nil {
		return err
	}
	d := &demo{
		options: o, client: c, run: newRun(), files: files,
		seen: make(chan client.Event, 1024), failed: make(chan error, 1),
	}
	for i, f := range files {
		d.ids = append(d.ids, taskID(d.run, i, f.path))
	}
	d.ledger = newLedger(d.ids)
	return d.play(ctx, unreadable)
}

// play is the story from beginning to end.
func (d *demo) play(ctx context.Context, unreadable int) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()

	if err := d.watch(ctx, &background); err != nil {
		return err
	}
	if err := d.startEngines(ctx, &background); err != nil {
		return err
	}
	defer d.child.kill()
	d.showTasks(unreadable)
	began := time.Now()
	err := d.submit(ctx)
	if err == nil {
		err = d.work(ctx, began)
	}
	if err != nil {
		d.giveUp(ctx)
		return err
	}
	d.showEngines(time.Since(began))
	if err := d.prove(ctx); err != nil {
		return err
	}
	return d.showWhy(ctx)
}

// watch follows the pool's events from now on.
func (d *demo) watch(ctx context.Context, background *sync.WaitGroup) error {
	began := make(chan struct{})
	cfg := client.WatchConfig{Pool: events.Pool(d.pool), Began: func() { close(began) }}
	background.Go(func() {
		d.fail(d.client.Watch(ctx, cfg, func(e client.Event) error {
			select {
			case d.seen <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))
	})
	select {
	case <-began:
		return nil
	case err := <-d.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fail keeps the first thing that went wrong in the background.
func (d *demo) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	select {
	case d.failed <- err:
	default:
	}
}

// startEngines starts four engines here and one in a process of its own, and
// waits until the scheduler knows them all.
func (d *demo) startEngines(ctx context.Context, background *sync.WaitGroup) error {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return err
	}
	heading(d.out, "Five engines with different labels and capacities")
	for _, m := range machines {
		if m.id == victim {
			continue
		}
		e, err := newEngine(d.options, m, root)
		if err != nil {
			return err
		}
		background.Go(func() { d.fail(e.Run(ctx)) })
	}
	if d.child, err = startChild(victim, d.fail); err != nil {
		return err
	}
	if err := d.until(ctx, d.ledger.allRegistered, nil); err != nil {
		d.child.kill()
		return fmt.Errorf("wait for the engines to be registered: %w", err)
	}
	for _, m := range machines {
		where := "in this process"
		if m.id == victim {
			where = fmt.Sprintf("in a process of its own, %d, which will be killed", d.child.process.Pid)
		}
		say(d.out, "%s  %s  %2d slots  %s", m.id, pad(m.shown, 8), m.slots, where)
	}
	return nil
}

// submit asks for all tasks at once; they are durable when it returns.
func (d *demo) submit(ctx context.Context) error {
	var wg sync.WaitGroup
	began := time.Now()
	for i, f := range d.files {
		r := rules[ruleOf(f)]
		wg.Add(1)
		d.client.SubmitAsync(ctx, client.Task{
			ID:        events.TaskID(d.ids[i]),
			Pool:      events.Pool(d.pool),
			Kind:      kind,
			Payload:   []byte(f.path),
			Predicate: r.predicate,
			Needs:     map[string]int64{"slots": r.slots},
		}, func(_ events.TaskID, err error) {
			d.fail(err)
			wg.Done()
		})
	}
	wg.Wait()
	select {
	case err := <-d.failed:
		return err
	default:
	}
	say(d.out, "all %s submitted in %s", grouped(len(d.files)), seconds(time.Since(began)))
	return nil
}

// giveUp cancels what is left, which would otherwise wait for engines for ever.
func (d *demo) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	mine := &events.TaskFilter{IdPrefix: d.run + "/"}
	n, err := d.client.CancelMany(ctx, events.Pool(d.pool), mine, "the run was given up")
	if err != nil {
		say(d.out, "its unfinished tasks stay: %v", err)
		return
	}
	say(d.out, "%s unfinished tasks cancelled", grouped(int(n)))
}

// until applies events until holds says true; after each, and now and then
// between them, it calls then.
func (d *demo) until(ctx context.Context, holds func() bool, then func(now time.Time)) error {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	last := time.Now()
	for !holds() {
		select {
		case e := <-d.seen:
			last = time.Now()
			d.ledger.apply(e.Message)
		case <-tick.C:
		case err := <-d.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if time.Since(last) > silence {
			return fmt.Errorf("nothing has happened in pool %q for %v; is a scheduler running on %v?", d.pool, silence, d.brokers)
		}
		if then != nil {
			then(time.Now())
		}
	}
	return nil
}

// isTerminal tells whether somebody watches.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
