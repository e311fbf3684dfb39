package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// taskID names a file's task after its path, where that makes a good name.
func taskID(run string, i int, path string) string {
	id := run + "/" + path
	if len(id) > events.MaxIDBytes || !utf8.ValidString(id) {
		return fmt.Sprintf("%s/%d", run, i)
	}
	return id
}

// showTasks says how many files each rule has.
func (d *demo) showTasks(unreadable int) {
	heading(d.out, "One task per file")
	counts, bytes, total := make([]int, len(rules)), make([]int64, len(rules)), int64(0)
	for _, f := range d.files {
		r := ruleOf(f)
		counts[r]++
		bytes[r] += f.size
		total += f.size
	}
	rows := [][]string{{"files", "tasks", "bytes", "needs", "predicate"}}
	for i, r := range rules {
		predicate := r.predicate
		if predicate == "" {
			predicate = "(any engine)"
		}
		rows = append(rows, []string{r.what, grouped(counts[i]), sized(bytes[i]), fmt.Sprintf("slots=%d", r.slots), predicate})
	}
	table(d.out, []bool{false, true, true, false, false}, rows)
	say(d.out, "%s files, %s, under %s", grouped(len(d.files)), sized(total), d.dir)
	if unreadable > 0 {
		say(d.out, "%s more cannot be read and are left out", grouped(unreadable))
	}
}

// showEngines is the table of who did what.
func (d *demo) showEngines(took time.Duration) {
	heading(d.out, "Who did what, as the log tells")
	rows := [][]string{{"engine", "labels", "slots", "tasks", "bytes", "busy", ""}}
	var sum account
	for _, m := range machines {
		a := d.ledger.account(m.id)
		sum.tasks, sum.bytes, sum.busy = sum.tasks+a.tasks, sum.bytes+a.bytes, sum.busy+a.busy
		fate := ""
		if m.id == victim {
			fate = "killed"
		}
		rows = append(rows, append([]string{m.id, m.shown, grouped(int(m.slots))}, append(a.cells(), fate)...))
	}
	rows = append(rows, append([]string{"all", "", ""}, append(sum.cells(), "")...))
	table(d.out, []bool{false, false, true, true, true, true, false}, rows)
	say(d.out, "%s from the first submit until all results and the fate of %s were known, %s of it for its lease", seconds(took), victim, seconds(d.waited))
}

func (a *account) cells() []string {
	return []string{grouped(a.tasks), sized(a.bytes), seconds(time.Duration(a.busy) * time.Microsecond)}
}

// prove compares all digests with those of the program sha256sum.
func (d *demo) prove(ctx context.Context) error {
	heading(d.out, "The proof: sha256sum says the same")
	began := time.Now()
	digests, err := sha256sum(ctx, d.dir, d.files)
	if err != nil {
		return err
	}
	var wrong []string
	for i, want := range digests {
		if got := d.ledger.results[d.ids[i]].SHA256; got != want {
			wrong = append(wrong, fmt.Sprintf("%s: task %s says %s, sha256sum %s", d.files[i].path, d.ids[i], got, want))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d digests differ, such as %s", len(wrong), len(digests), wrong[0])
	}
	say(d.out, "%s of %s digests are equal (sha256sum took %s)", grouped(len(digests)), grouped(len(digests)), seconds(time.Since(began)))
	return nil
}

// showWhy submits a task that no engine can take, asks why it waits, and cancels it.
func (d *demo) showWhy(ctx context.Context) error {
	if d.spanway == "" {
		return nil
	}
	heading(d.out, "A task that no engine can take")
	id := d.run + "/four-gpus"
	task := client.Task{
		ID: events.TaskID(id), Pool: events.Pool(d.pool), Kind: kind, Payload: []byte("any"),
		Predicate: `engine.labels.gpu >= 1`, Needs: map[string]int64{"slots": 1, "gpu": 4},
	}
	if _, err := d.client.Submit(ctx, task); err != nil {
		return err
	}
	say(d.out, "submitted %s: needs slots=1 gpu=4, where %s", id, task.Predicate)
	why, err := d.command(ctx, "task", "why", id, "--pool", d.pool)
	if err != nil {
		return err
	}
	if !strings.Contains(why, "IMPOSSIBLE") {
		return errors.New("\"task why\" does not say IMPOSSIBLE, although no engine has four GPUs")
	}
	_, err = d.command(ctx, "task", "cancel", id, "--pool", d.pool)
	return err
}

// command runs spanway and shows what it says.
func (d *demo) command(ctx context.Context, args ...string) (string, error) {
	say(d.out, "$ spanway %s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, d.spanway, args...)
	cmd.Env = append(os.Environ(), "SPANWAY_BROKERS="+strings.Join(d.brokers, ","))
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		say(d.out, "%s", strings.TrimRight(line, "\n"))
	}
	if err != nil {
		return "", fmt.Errorf("run spanway %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
