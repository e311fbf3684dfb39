//go:build linux

// Package disktest gives tests disks that are full, or become read-only: tmpfs of a
// chosen size, in a mount namespace that no other process sees.
package disktest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// inside tells the process in the namespace from the one that starts it.
const inside = "SPANWAY_TEST_MOUNTS"

// Apart runs the calling test again, in a process that has mounts of its own. There it
// returns true; in the process that was asked it returns false when that is over, and
// fails the test if the other failed. Where such a process cannot be started the test
// is skipped, loudly; with CI=true it fails.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
			missing(t, fmt.Errorf("make the mounts private: %w", err))
		}
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), inside+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && cmd.ProcessState == nil:
		missing(t, err)
	case err != nil:
		t.Fatalf("in a mount namespace: %v\n%s", err, out)
	}
	t.Logf("in a mount namespace:\n%s", out)
	return false
}

// Disk is an empty file system of that many bytes, mounted on a directory of the test.
func Disk(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		missing(t, fmt.Errorf("mount a tmpfs: %w", err))
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // Its namespace ends anyway.
	return dir
}

// Resize gives a disk another size.
func Resize(t *testing.T, dir string, size int) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", size)); err != nil {
		t.Fatalf("resize the disk: %v", err)
	}
}

// ReadOnly lets nothing be created or opened for writing in a directory any more. What
// is open stays open. The function that it returns ends this.
func ReadOnly(t *testing.T, dir string) (undo func()) {
	t.Helper()
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("bind %s: %v", dir, err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatalf("make %s read-only: %v", dir, err)
	}
	return func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Fatalf("make %s writable: %v", dir, err)
		}
	}
}

// missing skips the test, or fails it where CI=true.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("tests on full disks must run where CI=true: %v", err)
	}
	fmt.Fprintf(os.Stderr, "\n*** SKIPPED %s: NOT TESTED ON A FULL DISK: %v\n\n", t.Name(), err)
	t.Skipf("NOT TESTED ON A FULL DISK: %v", err)
}
