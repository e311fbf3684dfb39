package monitor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/engine"
)

var _ engine.Monitor = (*Monitor)(nil)

// scripted is a monitor of figures that a test sets, at times that it sets.
type scripted struct {
	Monitor
	at   time.Time
	said reading
	err  error
}

func newScripted() *scripted {
	s := &scripted{at: time.Unix(1000, 0)}
	s.now = func() time.Time { return s.at }
	s.read = func() (reading, error) { return s.said, s.err }
	return s
}

func (s *scripted) after(d time.Duration, cpu time.Duration, memory int64) map[string]int64 {
	s.at = s.at.Add(d)
	s.said.cpu += cpu
	s.said.memory = memory
	return s.Used()
}

func TestCPUIsAveragedOverSomeSeconds(t *testing.T) {
	s := newScripted()
	if u := s.after(0, time.Hour, 7); len(u) != 1 || u[Memory] != 7 {
		t.Errorf("the first answer is %v, want memory alone", u)
	}
	if u := s.after(time.Second, time.Second/2, 8); u[CPU] != 500 || u[Memory] != 8 {
		t.Errorf("after a second at half a CPU: %v", u)
	}
	for range 5 {
		s.after(time.Second, 2*time.Second, 8)
	}
	if u := s.after(time.Second, 2*time.Second, 8); u[CPU] != 2000 {
		t.Errorf("after six seconds at two CPUs: %v, want nothing of what was before", u)
	}
	if u := s.after(time.Second, 0, 8); u[CPU] != 1600 {
		t.Errorf("one idle second of five: %v, want 1600", u)
	}
	if u := s.after(0, 0, 8); u[CPU] < 1600 {
		t.Errorf("asked twice at once: %v", u)
	}
	s.err = errors.New("no such thing")
	if u := s.after(time.Second, 0, 0); len(u) != 0 {
		t.Errorf("what cannot be read is said to be %v", u)
	}
	s.err = nil
	if u := s.after(time.Second, time.Hour, 9); len(u) != 1 {
		t.Errorf("after a gap: %v, want memory alone", u)
	}
}

// sink keeps what burn returns, or the compiler may leave the work out.
var sink int

// burn uses the CPU for a while and returns how much it used.
func burn(d time.Duration) (n int) {
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		for range 10_000 {
			n ^= n << 1
		}
	}
	return n
}

func TestTheProcessIsMeasured(t *testing.T) {
	m, err := New(Process)
	if err != nil {
		t.Fatal(err)
	}
	before := m.Used()
	const size = 128 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 512 {
		block[i] = byte(i) // or it is not resident
	}
	sink = burn(500 * time.Millisecond)
	after := m.Used()
	runtime.KeepAlive(block)
	if grew := after[Memory] - before[Memory]; grew < size*9/10 {
		t.Errorf("memory grew by %d bytes, from %d, when %d were taken", grew, before[Memory], size)
	}
	if after[CPU] < 50 { // Others use this machine, too.
		t.Errorf("%d CPU milliseconds a second while it burned them", after[CPU])
	}
}

// What a command uses is the engine's use.
func TestDescendantsAreMeasured(t *testing.T) {
	m, err := New(Process)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory() // Or what other tests left goes just then.
	before := m.Used()[Memory]
	cmd := exec.Command("sh", "-c", `exec 3<&0; "$0" <&3 & wait`, self) // a grandchild, which lives until our end of its input is closed
	cmd.Env = append(os.Environ(), "MONITOR_TEST_EATS=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("no shell here") // Not on Windows.
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if used := m.Used(); used[Memory]-before < eaten*9/10 || used[CPU] < 20 {
		t.Errorf("used %v, of memory %d before; a grandchild has %d bytes and burned 300 ms", used, before, eaten)
	}
	in.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

const eaten = 64 << 20

func TestMain(m *testing.M) {
	if os.Getenv("MONITOR_TEST_EATS") != "" {
		block := make([]byte, eaten)
		for i := range block {
			block[i] = 1
		}
		sink = burn(300 * time.Millisecond)
		os.Stdout.WriteString("x")
		os.Stdin.Read(make([]byte, 1)) // Until the test ends.
		runtime.KeepAlive(block)
		return
	}
	os.Exit(m.Run())
}

func TestCgroup(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	self, mount := write("self", "4:memory:/old\n0::/a/b\n"), filepath.Join(root, "cg")
	if _, err := findCgroup(self, mount); err == nil || !strings.Contains(err.Error(), "measure the process instead") {
		t.Errorf("without a cgroup: %v", err)
	}
	for _, dir := range []string{"cg", "cg/a/b"} {
		write(dir+"/memory.current", "1000\n")
		write(dir+"/memory.stat", "anon 600\ninactive_file 300\n")
		write(dir+"/cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
	}
	g, err := findCgroup(self, mount)
	if err != nil || string(g) != filepath.Join(mount, "a/b") {
		t.Fatalf("found %q, %v", g, err)
	}
	r, err := g.read()
	if want := (reading{cpu: 2500 * time.Millisecond, memory: 700}); err != nil || r != want {
		t.Errorf("read %+v, %v; want %+v", r, err, want)
	}
	if write("cg/a/b/memory.max", "max\n"); g.limited() {
		t.Error("limited by max")
	}
	if write("cg/a/b/cpu.max", "50000 100000\n"); !g.limited() {
		t.Error("not limited by half a CPU")
	}
	// In a container the path may be the host's.
	if g, err = findCgroup(write("self", "0::/../../other\n"), mount); err != nil || string(g) != mount {
		t.Errorf("in a container: %q, %v", g, err)
	}
	write("cg/cpu.stat", "user_usec 1\n")
	if _, err := cgroup(mount).read(); err == nil || !strings.Contains(err.Error(), "usage_usec") {
		t.Errorf("without a figure: %v", err)
	}
}

func TestSources(t *testing.T) {
	if _, err := New("fridge"); err == nil || !strings.Contains(err.Error(), `"fridge"`) {
		t.Errorf("got %v", err)
	}
	m, err := New(Best)
	if err != nil || m.Used()[Memory] == 0 || m.Source() == Best {
		t.Errorf("got %+v, %v", m, err)
	}
}

func BenchmarkProcess(b *testing.B) {
	m, err := New(Process)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m.Used()
	}
}
