package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Where no Docker engine can be started nothing was tried. That is told, and with CI=true it
// is a failure.
func TestNotTriedIsAFailureOfCI(t *testing.T) {
	for _, c := range []struct {
		what    string
		unshare string // instead of the one that there is
		command []string
	}{
		{"namespaces cannot be made", "exit 1", []string{"make", "-C", "../..", "--no-print-directory", "e2e-compose"}},
		{"dockerd does not start", "exit 75", []string{"./run.sh", "test", "none"}},
	} {
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "unshare"), []byte("#!/bin/sh\n"+c.unshare+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, ci := range []string{"", "true"} {
			cmd := exec.Command(c.command[0], c.command[1:]...)
			cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "TMPDIR="+t.TempDir(), "MAKEFLAGS=", "CI="+ci)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if failed := err != nil; failed != (ci == "true") || !strings.Contains(string(out), "WAS NOT TRIED") || strings.Contains(string(out), "CI=true: that is a failure") != failed {
				t.Errorf("%s, CI=%q: it ends with %d:\n%s", c.what, ci, cmd.ProcessState.ExitCode(), out)
			}
		}
	}
}
