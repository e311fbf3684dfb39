package main

import (
	"encoding/json"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

func TestVersion(t *testing.T) {
	out, _, code := program.Call(t.Context(), "", "version")
	if code != cli.ExitDone || !strings.HasPrefix(out, "spanway ") || !strings.Contains(out, runtime.Version()) {
		t.Errorf("version ends with %d and prints %q", code, out)
	}
	out, _, code = program.Call(t.Context(), "", "version", "-o", "json")
	var v struct{ Version, Revision, Go string }
	if err := json.Unmarshal([]byte(out), &v); code != cli.ExitDone || err != nil || v.Go != runtime.Version() || v.Version == "" {
		t.Errorf("version -o json ends with %d and prints %q (%v)", code, out, err)
	}
}

// What completion prints is a script that its shell reads, and it knows our verbs.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out, stderr, code := program.Call(t.Context(), "", "completion", shell)
		if code != cli.ExitDone || !strings.Contains(out, "spanway") {
			t.Errorf("completion %s ends with %d: %s", shell, code, stderr)
		}
		if shell != "bash" {
			continue
		}
		check := exec.CommandContext(t.Context(), "bash", "-n")
		check.Stdin = strings.NewReader(out)
		if said, err := check.CombinedOutput(); err != nil {
			t.Errorf("bash does not read the script: %v: %s", err, said)
		}
	}
	out, _, _ := program.Call(t.Context(), "", "__complete", "task", "w")
	if !strings.Contains(out, "watch\t") || !strings.Contains(out, "why\t") {
		t.Errorf("\"spanway task w\" is completed by %q; want watch and why", out)
	}
}
