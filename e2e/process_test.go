package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/stoptest"
)

// builtBinary tells a process that a test starts where the binary is.
const builtBinary = "SPANWAY_E2E_BINARY"

// binary is the spanway that TestMain built; the broker is beside it.
var binary string

func TestMain(m *testing.M) {
	if role := os.Getenv(guardRole); role != "" {
		serveGuard(role)
		return
	}
	code := runTests(m)
	reasons.sayAll(os.Stdout)
	os.Exit(code)
}

func runTests(m *testing.M) int {
	if binary = os.Getenv(builtBinary); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "spanway-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "spanway")
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../cmd/spanway", "./broker")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build spanway and the broker:", err)
		return 1
	}
	if err := os.Setenv(builtBinary, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// process is one OS process of the system under test.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  *lines // stdout
	log  *lines // stderr
	done chan struct{}
	// quiet: a test that fails keeps its output in a file.
	quiet bool
}

// spanway starts the real binary.
func spanway(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, strings.Join(args, " "), exec.Command(binary, args...))
}

// answers has a command wait a minute for a broker: it is to answer, however slow the machine is.
const answers = "SPANWAY_DIAL_TIMEOUT=1m"

// commandLine is a call of the command line on a broker that is to answer.
func commandLine(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), answers)
	return cmd
}

func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, out: newLines(), log: newLines(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.log
	if cmd.Stdin == nil {
		_, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.done)
		p.out.close()
		p.log.close()
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.done
		if t.Failed() && !p.quiet {
			t.Logf("---- %s: last of stderr\n%s", name, p.log.tail(30))
		}
	})
	return p
}

// signal ends or stops the process itself, by its own ID. One that is stopped stands still
// when signal returns.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done:
		return
	default:
	}
	if s != syscall.SIGSTOP {
		_ = p.cmd.Process.Signal(s)
		return
	}
	if err := stoptest.Stop(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("stop %s: %v", p.name, err)
	}
}

// wait waits for the process to end and returns its exit code.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Log(p.log.tail(30))
		giveUp(p.t, "%s did not end within %v", p.name, within)
	}
	return p.cmd.ProcessState.ExitCode()
}

// lines collects output and lets tests wait for a line.
type lines struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	grown  chan struct{}
	closed bool
}

func newLines() *lines { return &lines{grown: make(chan struct{})} }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(b)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(b), nil
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.grown)
	l.grown = make(chan struct{})
}

// await returns the first line that contains text.
func (l *lines) await(t *testing.T, text string, within time.Duration) string {
	t.Helper()
	return l.awaitNth(t, text, 1, within)
}

// awaitNth returns the nth line that contains text.
func (l *lines) awaitNth(t *testing.T, text string, nth int, within time.Duration) string {
	t.Helper()
	deadline := time.After(within)
	for {
		l.mu.Lock()
		all, grown, closed := l.buf.String(), l.grown, l.closed
		l.mu.Unlock()
		n := 0
		for line := range strings.Lines(all) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, text) {
				if n++; n == nth {
					return strings.TrimSpace(line)
				}
			}
		}
		if closed {
			t.Log(all)
			giveUp(t, "the process ended without saying %q", text)
		}
		select {
		case <-grown:
		case <-deadline:
			t.Log(all)
			giveUp(t, "no line with %q within %v", text, within)
		}
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) tail(n int) string {
	all := strings.Split(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

// broker is a broker in a process of its own, which can be killed and come back
// with its data.
type broker interface {
	Addr() string
	Kill()
	Start()
}

// brokers are where a whole-system test runs.
type brokers func(t *testing.T) broker

// onKfake is a kfake in another process, with a data directory.
func onKfake(t *testing.T) broker {
	t.Helper()
	b := &kfakeBroker{t: t, port: porttest.Kept(t), dir: t.TempDir()}
	b.Start()
	return b
}

// onApache is a real Apache Kafka.
func onApache(t *testing.T) broker {
	t.Helper()
	return apache.Start(t, apache.Config{Properties: map[string]string{
		"broker.session.timeout.ms":    "4000", // a killed broker may come back sooner
		"broker.heartbeat.interval.ms": "500",
	}})
}

type kfakeBroker struct {
	t       *testing.T
	port    int
	cluster string // its ID; "e2e" if it is empty
	dir     string
	process *process
}

func (b *kfakeBroker) Addr() string { return porttest.At(b.port) }

func (b *kfakeBroker) Start() {
	b.t.Helper()
	cmd := exec.Command(filepath.Join(filepath.Dir(binary), "broker"), strconv.Itoa(b.port), cmp.Or(b.cluster, "e2e"), b.dir)
	b.process = start(b.t, "broker", cmd)
	b.process.out.await(b.t, "127.0.0.1", patience)
}

func (b *kfakeBroker) Kill() {
	kill(b.process)
	b.process.wait(patience)
}

// eventually waits until check says true, asking again after each pause; it is
// for what can only be asked, not awaited.
func eventually(t *testing.T, within time.Duration, what string, check func(ctx context.Context) bool) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !check(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			giveUp(t, "not within %v: %s", within, what)
		}
	}
	return time.Since(began)
}

// busySlack is how much later than promised something may be on a machine that stands still for
// seconds at a time.
const busySlack = 20 * time.Second

// within demands that something took at most the promised time; slack is for
// machines that do other things as well.
func within(t *testing.T, what string, took, promised, slack time.Duration) {
	t.Helper()
	if took > promised+slack {
		wrong(t, "%s: after %v; promised are %v (and %v of slack for a busy machine)", what, took, promised, slack)
		return
	}
	t.Logf("%s: after %v (promised: %v)", what, took.Round(time.Millisecond), promised)
}
