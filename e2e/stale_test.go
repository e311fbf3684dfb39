package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// guardRole makes the test binary an engine process instead, whose handler writes
// a file that is guarded by the token: its value is "BROKER PREFIX ID DIR".
const guardRole = "SPANWAY_E2E_GUARD"

// staleTTL is longer than a busy machine stands still: the engine that goes on is not lost.
const staleTTL = 4 * time.Second

// G2: an engine is stopped for longer than its TTL while its handler is at work
// on a file. Another engine does the task; when the first wakes up, the file
// refuses what its handler still writes, and the log refuses its result.
func TestStoppedEngineIsFenced(t *testing.T) {
	t.Parallel()
	s := newSystem(t, onKfake)
	s.scheduler("--engine-ttl", staleTTL.String())
	dir := t.TempDir()
	engines := map[string]*process{}
	for _, id := range []string{"first", "second"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %s", guardRole, s.broker.Addr(), s.prefix, id, dir))
		engines[id] = start(t, "engine "+id, cmd)
		engines[id].out.await(t, "ready", patience)
	}
	s.submit(1, func(int) client.Task { return client.Task{ID: "write", Kind: "write"} })
	var sleeper, other *process
	eventually(t, patience, "a handler has written", func(context.Context) bool {
		for id, p := range engines {
			if strings.Contains(p.out.String(), "wrote") {
				sleeper = p
				delete(engines, id)
			}
		}
		return sleeper != nil
	})
	for _, p := range engines {
		other = p
	}
	stop(sleeper)
	s.seen.awaitCount(t, events.TypeEngineLost, 1, patience)
	other.out.await(t, "wrote", patience)
	touch(t, filepath.Join(dir, "go-on"))
	s.seen.awaitCount(t, events.TypeTaskSucceeded, 1, patience)
	cont(sleeper)
	sleeper.out.await(t, "refused", patience)
	s.seen.endedOnce(t, 1, patience)
	if attempt := s.seen.attemptOf("write"); attempt != 2 {
		t.Errorf("succeeded in attempt %d, want 2", attempt)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "guarded")); string(text) != "2 second write" {
		t.Errorf("the file holds %q; it must hold the second attempt's second write", text)
	}
	s.submit(1, func(int) client.Task { return client.Task{ID: "write", Kind: "write"} })
	s.seen.awaitCount(t, events.TypeTaskRepeated, 1, patience)
	if n := s.seen.count(events.TypeTaskAssigned); n != 2 {
		t.Errorf("%d assignments after it was submitted again, want 2", n)
	}
	s.verify()
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serveGuard is the engine process. Its handler does not heed its context: it is
// the worst that an engine can have.
func serveGuard(role string) {
	var broker, prefix, id, dir string
	if _, err := fmt.Sscan(role, &broker, &prefix, &id, &dir); err != nil {
		panic(err)
	}
	e, err := engine.New(engine.Config{Brokers: []string{broker}, Prefix: prefix, ID: id, TTL: staleTTL})
	if err != nil {
		panic(err)
	}
	e.Handle("write", func(_ context.Context, t *engine.Task) ([]byte, error) {
		if err := guardedWrite(dir, t.Token, "first"); err != nil {
			return nil, err
		}
		fmt.Println("wrote", t.Token)
		for !exists(filepath.Join(dir, "go-on")) {
			<-time.NewTimer(20 * time.Millisecond).C
		}
		err := guardedWrite(dir, t.Token, "second")
		if err != nil {
			fmt.Println("refused", t.Token)
		}
		return nil, err
	})
	go func() {
		<-e.Ready()
		fmt.Println("ready")
	}()
	if err := e.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var errStale = errors.New("the file was written under a newer token")

// guardedWrite writes the file unless it was written under a newer token: what a
// database does in one statement.
func guardedWrite(dir string, token uint64, what string) error {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	path := filepath.Join(dir, "guarded")
	text, _ := os.ReadFile(path)
	newest, _, _ := strings.Cut(string(text), " ")
	if n, _ := strconv.ParseUint(newest, 10, 64); n > token {
		return errStale
	}
	return os.WriteFile(path, fmt.Appendf(nil, "%d %s write", token, what), 0o600)
}
