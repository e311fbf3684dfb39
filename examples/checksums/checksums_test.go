package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func TestEveryFileHasARule(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{"a/memmove.s": 0, "zip/big.zip": 1, "zip/testdata/x.go": 2, "testdata/x": 2, "fmt/print.go": 3} {
		f := file{path: path, size: 10}
		if path == "zip/big.zip" {
			f.size = large
		}
		if got := ruleOf(f); got != want {
			t.Errorf("ruleOf(%s) = %d, want %d", path, got, want)
		}
	}
}

func TestWalkListsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sub", "a.txt"), "abc")
	if err := os.Symlink("a.txt", filepath.Join(dir, "sub", "link")); err != nil {
		t.Fatal(err)
	}
	files, unreadable, err := walk(dir)
	if err != nil || unreadable != 0 || len(files) != 1 || files[0] != (file{"sub/a.txt", 3}) {
		t.Fatalf("walk = %v, %d, %v", files, unreadable, err)
	}
	if _, _, err := walk(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Fatalf("an empty tree: %v, want an error that tells what to do", err)
	}
}

// The handler and sha256sum agree, also on names that sha256sum escapes.
func TestDigestsEqualSha256sum(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("SKIPPED: sha256sum is not installed, so nothing was compared with it; it comes with coreutils")
	}
	dir := t.TempDir()
	for _, name := range []string{"empty", "some text", `back\slash`, "new\nline", "-c"} {
		write(t, filepath.Join(dir, name), strings.Repeat(name, max(0, len(name)-5)))
	}
	files, _, err := walk(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sha256sum(context.Background(), dir, files)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		got, err := checksum(root, f.path)
		if err != nil || got.SHA256 != want[i] || got.Bytes != f.size {
			t.Errorf("checksum(%q) = %+v, %v, want %s", f.path, got, err, want[i])
		}
	}
	if _, err := checksum(root, "../outside"); err == nil {
		t.Error("a path that leaves the tree was read")
	}
}

func TestLedgerFollowsTheDeadEnginesWork(t *testing.T) {
	t.Parallel()
	l := newLedger([]string{"a", "b", "c"})
	done := func(task, engine string) *events.TaskSucceeded {
		return &events.TaskSucceeded{TaskId: task, EngineId: engine, Result: []byte(`{"sha256":"x","bytes":7,"busyMicros":5}`)}
	}
	l.apply(&events.TaskAssigned{TaskId: "a", EngineId: victim})
	l.apply(&events.TaskAssigned{TaskId: "b", EngineId: victim})
	l.apply(&events.TaskAssigned{TaskId: "other", EngineId: victim})
	l.apply(done("a", victim))
	if n := l.holds(victim); n != 1 {
		t.Fatalf("the victim holds %d tasks, want 1", n)
	}
	l.apply(&events.EngineLost{EngineId: victim, AtMs: 100})
	l.apply(&events.TaskAssigned{TaskId: "b", EngineId: "ssd-1", AtMs: 103})
	l.apply(done("b", "ssd-1"))
	l.apply(&events.TaskFailed{TaskId: "c", Error: &events.TaskError{Message: "gone"}})
	if l.loss.tasks != 1 || len(l.loss.waiting) != 0 || l.loss.placedOn["ssd-1"] != 1 || l.loss.placedMs != 103 {
		t.Errorf("loss = %+v", l.loss)
	}
	if l.done() != 3 || len(l.problems) != 1 || !strings.Contains(l.problems[0], "gone") {
		t.Errorf("done = %d, problems = %v", l.done(), l.problems)
	}
	if a := l.account("ssd-1"); a.tasks != 1 || a.bytes != 7 || a.busy != 5 {
		t.Errorf("ssd-1 did %+v", a)
	}
}

func TestNumbersReadWell(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 11478: "11,478", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{12: "12 B", 1536: "1.5 KiB", 3 << 30: "3.0 GiB", 5 << 40: "5120.0 GiB"} {
		if got := sized(n); got != want {
			t.Errorf("sized(%d) = %s, want %s", n, got, want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
