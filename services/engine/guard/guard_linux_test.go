package guard

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// role makes this test binary play a part in a tree of processes.
const role = "GUARD_TEST_ROLE"

var self = func() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}()

func TestMain(m *testing.M) {
	MaybeRun()
	switch os.Getenv(role) {
	case "engine": // runs a tree until it is killed
		_, err := Run(context.Background(), play("tree"), nil, os.Stdout, os.Stderr)
		fmt.Println(err)
		return
	case "tree": // a child that has a child in another session
		fmt.Println(os.Getpid(), escape())
		pause()
	case "stubborn": // takes no notice of SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println(os.Getpid(), os.Getpid())
		pause()
	case "daemon": // leaves a child behind, which holds no pipe
		fmt.Println(os.Getpid(), escape())
		return
	case "sleep":
		pause()
	}
	goleak.VerifyTestMain(m)
}

func pause() {
	for {
		_ = syscall.Pause()
	}
}

// escape starts a process that leaves group, session and parent's pipes.
func escape() int {
	cmd := exec.Command(self)
	cmd.Env = append(environ(), role+"=sleep")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd.Process.Pid
}

func play(part string) Job {
	return Job{Path: self, Args: []string{part}, Env: append(environ(), role+"="+part)}
}

// process watches a process that is alive.
type process struct{ pid, fd int }

func watch(t *testing.T, pid int) process {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("process %d: %v", pid, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return process{pid, fd}
}

// awaitEnd waits for the process's end.
func (p process) awaitEnd(t *testing.T) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, 60_000)
		if err == unix.EINTR {
			continue
		}
		if n == 0 || err != nil {
			t.Errorf("process %d outlived its time", p.pid)
		}
		return
	}
}

// tree reads the two process numbers that a part prints.
func tree(t *testing.T, r io.Reader) (child, escaped process) {
	t.Helper()
	var a, b int
	if _, err := fmt.Fscan(bufio.NewReader(r), &a, &b); err != nil {
		t.Fatalf("read the numbers of processes: %v", err)
	}
	return watch(t, a), watch(t, b)
}

func TestNothingOutlivesAKilledEngine(t *testing.T) {
	engine := exec.Command(self)
	engine.Env = append(environ(), role+"=engine")
	out, err := engine.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	child, escaped := tree(t, out)
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.awaitEnd(t)
	escaped.awaitEnd(t)
	_ = engine.Wait()
}

// stopped runs a part, stops it once it runs, and expects all of it to end.
func stopped(t *testing.T, part string) Exit {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, w := io.Pipe()
	exits := make(chan Exit, 1)
	go func() {
		exit, err := Run(ctx, play(part), nil, w, nil)
		w.Close()
		if err != nil {
			t.Error(err)
		}
		exits <- exit
	}()
	child, escaped := tree(t, r)
	cancel()
	child.awaitEnd(t)
	escaped.awaitEnd(t)
	return <-exits
}

func TestStopEndsTheWholeTree(t *testing.T) {
	if exit := stopped(t, "tree"); exit.Signal != int(syscall.SIGTERM) {
		t.Errorf("ended as %+v, want by SIGTERM", exit)
	}
}

func TestStopEndsTheStubborn(t *testing.T) {
	if exit := stopped(t, "stubborn"); exit.Signal != int(syscall.SIGKILL) {
		t.Errorf("ended as %+v, want by SIGKILL", exit)
	}
}

func TestNothingIsLeftWhenTheCommandEnds(t *testing.T) {
	var out bytes.Buffer
	exit, err := Run(t.Context(), play("daemon"), nil, &out, nil)
	if err != nil || exit != (Exit{}) {
		t.Fatalf("ended as %+v, %v", exit, err)
	}
	var child, escaped int
	if _, err := fmt.Sscan(out.String(), &child, &escaped); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{child, escaped} {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("process %d: %v, want that there is none", pid, err)
		}
	}
}

func TestStreamsEnvironmentAndExit(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	job := Job{Path: sh, Args: []string{"sh", "-c", "cat; echo $A; pwd; echo oops >&2; exit 7"}, Env: []string{"A=b"}, Dir: t.TempDir()}
	exit, err := Run(t.Context(), job, strings.NewReader("in\n"), &out, &errs)
	if err != nil || exit.Code != 7 {
		t.Errorf("ended as %+v, %v", exit, err)
	}
	if want := "in\nb\n" + job.Dir + "\n"; out.String() != want || errs.String() != "oops\n" {
		t.Errorf("wrote %q and %q, want %q", out.String(), errs.String(), want)
	}
}

// Both guards of a pair have nothing of this process's environment but how the race detector ends.
func TestTheEnvironmentOfAGuard(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=20")
	t.Setenv("A_SECRET", "s")
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	script := `read -r _ _ _ outer _ < /proc/$PPID/stat; tr '\0' '\n' < /proc/$PPID/environ; tr '\0' '\n' < /proc/$outer/environ`
	job := Job{Path: sh, Args: []string{"sh", "-c", script}, Env: os.Environ()}
	if _, err := Run(t.Context(), job, nil, &out, nil); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("GORACE=atexit_sleep_ms=20\n", 2); out.String() != want {
		t.Errorf("the guards have %q, want %q", out.String(), want)
	}
}

func TestAProgramThatIsNoGuardRunsNothing(t *testing.T) {
	armed.Store(false)
	defer armed.Store(true)
	if _, err := Run(t.Context(), play("sleep"), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "MaybeRun") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotRun(t *testing.T) {
	_, err := Run(t.Context(), Job{Path: "/nonexistent", Args: []string{"x"}}, nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if exit, err := Run(ctx, play("sleep"), nil, nil, nil); err == nil && exit.Signal == 0 {
		t.Errorf("it ran although its context had ended: %+v", exit)
	}
}

// A guard that is killed, either of the pair, leaves nothing behind, not even what is in
// a session of its own.
func TestAKilledGuardLeavesNothing(t *testing.T) {
	for name, guard := range map[string]func(*testing.T, int) int{
		"inner": parent,
		"outer": func(t *testing.T, pid int) int { return parent(t, parent(t, pid)) },
	} {
		for _, part := range []string{"tree", "stubborn"} {
			t.Run(name+" of the "+part, func(t *testing.T) {
				r, w := io.Pipe()
				failed := make(chan error, 1)
				go func() {
					_, err := Run(context.Background(), play(part), nil, w, nil)
					failed <- err
				}()
				child, escaped := tree(t, r)
				if err := syscall.Kill(guard(t, child.pid), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				child.awaitEnd(t)
				escaped.awaitEnd(t)
				if err := <-failed; err == nil || !strings.Contains(err.Error(), "guard died") {
					t.Errorf("Run returned %v", err)
				}
				for _, pid := range children() {
					t.Errorf("process %d is left", pid)
				}
			})
		}
	}
}

// parent is the number of a process's parent.
func parent(t *testing.T, pid int) (ppid int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[1], &ppid); err != nil {
		t.Fatal(err)
	}
	return ppid
}

func BenchmarkRun(b *testing.B) {
	path, err := exec.LookPath("true")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if exit, err := Run(b.Context(), Job{Path: path, Args: []string{"true"}}, nil, nil, nil); err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
	}
}
