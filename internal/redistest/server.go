package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds the wait for a server.
const patience = 60 * time.Second

// Server is one redis-server. Its methods fail the test that started it, and are for one
// goroutine.
type Server struct {
	tb      testing.TB
	addr    string
	dir     string
	args    []string
	process *exec.Cmd
}

// Start runs a new redis-server with empty data, with arguments such as "--appendonly",
// "yes", and returns when it answers. The test is skipped, loudly, if there is none; with
// CI=true it fails instead.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	needs(tb)
	s := newServer(tb, args)
	s.Run()
	return s
}

func newServer(tb testing.TB, args []string) *Server {
	s := &Server{tb: tb, addr: FreeAddr(tb), dir: tb.TempDir(), args: args}
	tb.Cleanup(s.Kill)
	return s
}

// needs makes sure that there is a Redis, and that the test is named so that it is run.
func needs(tb testing.TB) {
	tb.Helper()
	if top, _, _ := strings.Cut(tb.Name(), "/"); !strings.Contains(top, "RealRedis") && !strings.HasPrefix(top, "TestApache") {
		tb.Fatalf("%s starts a real Redis: put RealRedis into its name, or `make test-redis` will not run it", tb.Name())
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("tests on a real Redis must run where CI=true: %v", err)
		}
		fmt.Fprintf(os.Stderr, "\n*** SKIPPED %s: NOT TESTED ON A REAL REDIS: %v\n\n", tb.Name(), err)
		tb.Skipf("NOT TESTED ON A REAL REDIS: %v", err)
	}
}

// Port is that of an address.
func Port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// until waits until something is so, which it tries again and again.
func until(tb testing.TB, what string, so func(ctx context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for err := so(ctx); err != nil; err = so(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("%s: not within %v: %v", what, patience, err)
		}
	}
}

// Addr is the server's address, the same for ever.
func (s *Server) Addr() string { return s.addr }

// Client is a connection to the server; it is closed with the test.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	s.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Run runs the server (again) and returns when it answers.
func (s *Server) Run() {
	s.tb.Helper()
	s.run(append([]string{"--port", Port(s.addr), "--bind", "127.0.0.1", "--dir", s.dir, "--save", ""}, s.args...)...)
}

func (s *Server) run(args ...string) {
	s.tb.Helper()
	s.process = exec.Command("redis-server", args...)
	endWithParent(s.process)
	if err := s.process.Start(); err != nil {
		s.tb.Fatalf("start redis-server: %v", err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	defer func() { _ = c.Close() }()
	// That something answers is not enough: another server may have the port.
	pid := fmt.Sprintf("process_id:%d\r", s.process.Process.Pid)
	until(s.tb, "redis-server answers at "+s.addr, func(ctx context.Context) error {
		info, err := c.Info(ctx, "server").Result()
		if err == nil && !strings.Contains(info, pid) {
			err = errors.New("another server answers")
		}
		return err
	})
}

// Kill ends the server at once. It may be called again.
func (s *Server) Kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// Dump makes the server write all it has, and returns that.
func (s *Server) Dump() []byte {
	s.tb.Helper()
	if err := s.Client().Save(context.Background()).Err(); err != nil {
		s.tb.Fatalf("have redis-server write a dump: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	if err != nil {
		s.tb.Fatal(err)
	}
	return data
}

// Restore kills the server, and runs it with what a dump holds and nothing else.
func (s *Server) Restore(dump []byte) {
	s.tb.Helper()
	s.Kill()
	if err := os.WriteFile(filepath.Join(s.dir, "dump.rdb"), dump, 0o600); err != nil {
		s.tb.Fatal(err)
	}
	s.Run()
}
