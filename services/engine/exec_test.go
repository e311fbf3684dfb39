package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/services/engine/command"
)

func TestMain(m *testing.M) {
	MaybeGuard()
	goleak.VerifyTestMain(m)
}

func newExecutor(t *testing.T, allow ...string) *executor {
	t.Helper()
	c := Config{Allow: allow}
	commands, err := c.resolve()
	if err != nil {
		t.Fatal(err)
	}
	return &executor{allowed: commands, path: os.Getenv("PATH")}
}

func payload(t *testing.T, s command.Spec) []byte {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExec(t *testing.T) {
	dir := t.TempDir()
	x := newExecutor(t, "sh", "cat", "true")
	sh := func(script string) command.Spec { return command.Spec{Command: []string{"sh", "-c", script}} }
	for name, c := range map[string]struct {
		spec    command.Spec
		result  string
		failure string // part of the error
	}{
		"output":           {spec: sh("echo out; echo err >&2"), result: "out\n"},
		"stdin":            {spec: command.Spec{Command: []string{"cat"}, Stdin: "from the task"}, result: "from the task"},
		"stdin not read":   {spec: command.Spec{Command: []string{"true"}, Stdin: strings.Repeat("x", 200_000)}},
		"no shell":         {spec: command.Spec{Command: []string{"cat", "$HOME;", "*"}}, failure: "$HOME;"},
		"environment":      {spec: command.Spec{Command: []string{"sh", "-c", "echo $A $HOME"}, Env: map[string]string{"A": "b"}}, result: "b\n"},
		"PATH":             {spec: sh(`test -n "$PATH" && echo yes`), result: "yes\n"},
		"directory":        {spec: command.Spec{Command: []string{"sh", "-c", "pwd"}, Dir: dir}, result: dir + "\n"},
		"no directory":     {spec: command.Spec{Command: []string{"true"}, Dir: dir + "/none"}, failure: "none"},
		"a file as such":   {spec: command.Spec{Command: []string{"true"}, Dir: x.allowed["true"].path}, failure: "not a directory"},
		"exit code":        {spec: sh("echo why >&2; exit 3"), failure: "exit code 3: why"},
		"signal":           {spec: sh("kill -9 $$"), failure: "signal 9"},
		"not allowed":      {spec: command.Spec{Command: []string{"rm"}}, failure: `"rm" is not allowed on this engine: use one of cat, sh, true`},
		"not allowed path": {spec: command.Spec{Command: []string{x.allowed["true"].path}}, failure: "is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := x.run(t.Context(), &engine.Task{Payload: payload(t, c.spec)})
			if c.failure == "" && (err != nil || string(result) != c.result) {
				t.Errorf("got %q, %v; want %q", result, err, c.result)
			}
			if c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure)) {
				t.Errorf("got %v, want it to contain %q", err, c.failure)
			}
		})
	}
}

func TestOutputIsLimited(t *testing.T) {
	x := newExecutor(t, "sh")
	task := &engine.Task{Payload: payload(t, command.Spec{Command: []string{"sh", "-c", "head -c 300000 /dev/zero; echo done >&2"}})}
	result, err := x.run(t.Context(), task)
	if err != nil || len(result) != maxOutput || task.ResultType != typeText+truncated {
		t.Errorf("%d bytes of type %q, %v", len(result), task.ResultType, err)
	}
	exact := &engine.Task{Payload: payload(t, command.Spec{Command: []string{"sh", "-c", "printf '\\377'; head -c 262143 /dev/zero"}})}
	if result, err = x.run(t.Context(), exact); err != nil || len(result) != maxOutput || exact.ResultType != typeBytes {
		t.Errorf("%d bytes of type %q, %v", len(result), exact.ResultType, err)
	}
}

func TestStoppedCommandSaysWhy(t *testing.T) {
	x := newExecutor(t, "sleep")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.ErrTimeout)
	_, err := x.run(ctx, &engine.Task{Payload: payload(t, command.Spec{Command: []string{"sleep", "1000"}})})
	if !errors.Is(err, engine.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	w := &tail{max: 4}
	for _, s := range []string{"ab", "cdef", "\n"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	if !bytes.Equal(w.kept, []byte("def\n")) || w.String() != ": … def" {
		t.Errorf("kept %q, says %q", w.kept, w)
	}
}

func TestConfig(t *testing.T) {
	good := engine.Config{Brokers: []string{"127.0.0.1:1"}, ID: "e"}
	for want, c := range map[string]Config{
		"Brokers":                {Engine: engine.Config{ID: "e"}},
		"without directories":    {Engine: good, Allow: []string{"/bin/sh"}},
		"install it":             {Engine: good, Allow: []string{"no-such-command"}},
		exec.ErrNotFound.Error(): {Engine: good, Allow: []string{"no-such-command"}},
	} {
		if _, err := New(c, Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to contain %q", err, want)
		}
	}
	s, err := New(Config{Engine: engine.Config{Brokers: []string{"127.0.0.1:1"}}, Allow: []string{}}, Deps{})
	if err != nil || s.Ready() == nil {
		t.Errorf("an engine named after the host, with nothing allowed: %v", err)
	}
}
