package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/engine"
)

// A command carries out the tasks of a kind by what it is given of them, and no other command does.
func TestACommandCarriesOutAKind(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncat\necho \"$1 $SUBJECT\"\n[ \"$SUBJECT\" != bad ] || { echo no such table >&2; exit 3; }\n"
	if err := os.WriteFile(filepath.Join(dir, "carry"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	by := By{Command: "carry out", Give: func(task *engine.Task) (map[string]string, string, error) {
		if task.ID == "none" {
			return nil, "", errors.New("it is no subject")
		}
		return map[string]string{"SUBJECT": task.ID}, "of " + string(task.Payload) + "\n", nil
	}}
	handle, err := by.handler(os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	task := &engine.Task{ID: "good", Payload: []byte("a task")}
	if out, err := handle(t.Context(), task); err != nil || string(out) != "of a task\nout good\n" || task.ResultType != typeText {
		t.Errorf("it gives %q of type %s, %v", out, task.ResultType, err)
	}
	_, err = handle(t.Context(), &engine.Task{ID: "bad"})
	if code, final := engine.CodeOf(err); code != "EXIT_3" || final || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("one that fails: %v", err)
	}
	_, err = handle(t.Context(), &engine.Task{ID: "none"})
	if _, final := engine.CodeOf(err); !final {
		t.Errorf("one of which nothing can be given: %v", err)
	}
	if _, err := (By{Command: "nowhere"}).handler(""); err == nil {
		t.Error("a command that is not there is taken")
	}
}
