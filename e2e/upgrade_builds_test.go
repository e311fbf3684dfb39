//go:build upgrade

package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// release is the binary of a commit, and the program that uses it, with its packages.
type release struct{ name, spanway, load string }

// loadSource is the program that uses Spanway, built with the packages of each release.
const loadSource = "e2e/upgrade/load"

// thisRelease is that of the sources that this test is of.
func thisRelease(t *testing.T) release {
	t.Helper()
	r := release{name: "now", spanway: binary, load: filepath.Join(t.TempDir(), "load")}
	goBuild(t, "..", r.load, loadSource)
	return r
}

// releaseOf builds an older commit.
func releaseOf(t *testing.T, commit string) release {
	t.Helper()
	if out, err := git("cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		giveUp(t, "commit %s is not in this clone, which the upgrade begins with: "+
			"fetch the history (git fetch --unshallow, or git fetch origin %[1]s). git says: %v %s", commit, err, out)
	}
	dir := t.TempDir()
	archive, unpack := git("archive", commit), exec.Command("tar", "-x", "-C", dir)
	var err error
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	archive.Stderr, unpack.Stderr = &said, &said
	if err := unpack.Start(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Run(); err != nil {
		t.Fatalf("git archive: %v %s", err, said.String())
	}
	if err := unpack.Wait(); err != nil {
		t.Fatalf("tar: %v %s", err, said.String())
	}
	// The program is of this release, also where the older one has it.
	if err := os.RemoveAll(filepath.Join(dir, loadSource)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, loadSource), os.DirFS("upgrade/load")); err != nil {
		t.Fatal(err)
	}
	r := release{name: "old", spanway: filepath.Join(t.TempDir(), "spanway"), load: filepath.Join(t.TempDir(), "load")}
	goBuild(t, dir, r.spanway, "cmd/spanway")
	goBuild(t, dir, r.load, loadSource)
	return r
}

// git runs in the checkout, whoever owns it.
func git(args ...string) *exec.Cmd {
	cmd := exec.Command("git", append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir = ".."
	return cmd
}

func goBuild(t *testing.T, dir, to, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", to, "./"+pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// loadProcess is a running program that uses Spanway.
type loadProcess struct {
	*process
	in    io.WriteCloser
	parts string
}

// answered counts what it was answered: of tasks, put, taken and granted.
func (l *loadProcess) answered() (n [4]int) {
	text := l.log.String()
	at := strings.LastIndex(text[:strings.LastIndex(text, "\n")+1], "answered ")
	if at >= 0 {
		_, _ = fmt.Sscanf(text[at:], "answered %d %d %d %d", &n[0], &n[1], &n[2], &n[3])
	}
	return n
}

// further tells whether each part was answered some times more.
func (l *loadProcess) further(before [4]int, more int) bool {
	now := l.answered()
	for part, calls := range map[string][]int{"tasks": {0}, "queue": {1}, "ids": {3}} {
		for _, c := range calls {
			if strings.Contains(l.parts, part) && now[c] < before[c]+more {
				return false
			}
		}
	}
	return true
}

// stop waits until it begins nothing more.
func (l *loadProcess) stop(t *testing.T) {
	t.Helper()
	_, _ = io.WriteString(l.in, "stop\n")
	l.out.await(t, "stopped", patience)
}

// end waits for its end and returns what it was told.
func (l *loadProcess) end(t *testing.T) told {
	t.Helper()
	_ = l.in.Close()
	if code := l.wait(2 * time.Minute); code != 0 {
		giveUp(t, "%s ends with %d", l.name, code)
	}
	_, text, _ := strings.Cut(l.out.String(), "stopped\n")
	return decodeTold(t, text)
}
