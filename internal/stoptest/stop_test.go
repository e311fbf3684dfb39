package stoptest

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

func TestAStoppedProcessStandsStill(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	proc := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "task")
	if still(proc) {
		t.Error("it stands still before it is stopped")
	}
	if err := Stop(cmd.Process); err != nil {
		t.Fatal(err)
	}
	if !still(proc) {
		t.Error("it runs on")
	}
}
