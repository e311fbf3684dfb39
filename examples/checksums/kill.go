package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// killAfter is the part of the tasks that has ended when the engine is killed.
const killAfter = 0.25

// manyFiles keep all engines busy until long after the kill.
const manyFiles = 1000

// work waits for all tasks, and kills one engine on the way.
func (d *demo) work(ctx context.Context, began time.Time) error {
	heading(d.out, "The work, and an engine that dies")
	d.bar = &progress{out: d.out, terminal: isTerminal(os.Stdout), total: len(d.files), began: began, shown: time.Now()}
	err := d.until(ctx, d.finished, func(now time.Time) {
		d.kill(now)
		d.tellWaiting(now)
		d.tellLoss()
		d.bar.show(d.ledger.done(), now)
	})
	if err != nil {
		d.bar.clear()
		return fmt.Errorf("stopped when %d of %d tasks had ended: %w", d.ledger.done(), len(d.files), err)
	}
	d.bar.draw(d.ledger.done(), time.Now())
	if d.bar.terminal {
		fmt.Fprintln(d.out)
	}
	if d.ledger.loss.tasks == 0 && len(d.files) >= manyFiles {
		return fmt.Errorf("%s held no task when it died, so that nothing was seen of its work being placed again; run it once more", victim)
	}
	d.tellPlaced()
	if n := len(d.ledger.problems); n > 0 {
		return fmt.Errorf("%d tasks did not succeed, such as %s", n, d.ledger.problems[0])
	}
	return nil
}

// finished: every task has ended, and the death has been dealt with.
func (d *demo) finished() bool {
	l := d.ledger
	return l.done() == len(d.files) && l.loss != nil && len(l.loss.waiting) == 0
}

// kill kills the victim once, while it holds work (unless there is too little).
func (d *demo) kill(now time.Time) {
	done, all := d.ledger.done(), len(d.files)
	if !d.killed.IsZero() || float64(done) < killAfter*float64(all) {
		return
	}
	if done < all && d.ledger.holds(victim) == 0 {
		return
	}
	d.killed = now
	d.child.kill()
	d.bar.clear()
	say(d.out, "%s kill -9 %s, after %s tasks: it cannot say goodbye, so its lease (5 s) must run out",
		d.bar.at(now), victim, grouped(done))
}

// tellWaiting says once that only the dead engine's work is left.
func (d *demo) tellWaiting(now time.Time) {
	held := d.ledger.holds(victim)
	if d.killed.IsZero() || !d.idleFrom.IsZero() || held == 0 || d.ledger.done()+held < len(d.files) {
		return
	}
	d.idleFrom = now
	d.bar.clear()
	say(d.out, "%s all is done but the %d tasks on %s, which may still be alive for all one knows",
		d.bar.at(now), held, victim)
}

// tellLoss says once that the scheduler has noticed.
func (d *demo) tellLoss() {
	l := d.ledger.loss
	if l == nil || l.told {
		return
	}
	l.told = true
	lost := time.UnixMilli(l.atMs)
	if !d.idleFrom.IsZero() {
		d.waited = lost.Sub(d.idleFrom)
	}
	d.bar.clear()
	say(d.out, "%s %s declared lost, %s after the kill, with %d unfinished tasks",
		d.bar.at(lost), victim, seconds(lost.Sub(d.killed)), l.tasks)
}

// tellPlaced says where the dead engine's work went.
func (d *demo) tellPlaced() {
	l := d.ledger.loss
	if l.tasks == 0 {
		say(d.out, "there was nothing to place again; a larger tree shows more")
		return
	}
	var parts []string
	for _, engine := range slices.Sorted(maps.Keys(l.placedOn)) {
		parts = append(parts, fmt.Sprintf("%d on %s", l.placedOn[engine], engine))
	}
	say(d.out, "%s all %d placed again within %d ms, and done: %s",
		d.bar.at(time.Now()), l.tasks, l.placedMs-l.atMs, strings.Join(parts, ", "))
}
