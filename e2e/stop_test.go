package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopGrace is what docker-compose.yml and the manifests give a service to end.
const stopGrace = 30 * time.Second

// stoppable is a system in one process, for services and commands beside it.
type stoppable struct {
	t            *testing.T
	dev          *process
	kafka, redis string
}

func newStoppable(t *testing.T) *stoppable {
	t.Helper()
	s := &stoppable{t: t, dev: spanway(t, "dev", "--port", "0", "--redis-port", "0", "--engines", "1")}
	var ready struct {
		Sites []struct{ Kafka, Redis string }
	}
	line := s.dev.out.await(t, "kafka", patience)
	if err := json.Unmarshal([]byte(line), &ready); err != nil || len(ready.Sites) != 1 {
		t.Fatalf("the ready line %q: %v", line, err)
	}
	s.kafka, s.redis = ready.Sites[0].Kafka, ready.Sites[0].Redis
	return s
}

// services starts each one that there is, and returns when all are ready.
func (s *stoppable) services() map[string]*process {
	s.t.Helper()
	all := map[string]*process{}
	for name, more := range map[string][]string{
		"scheduler": nil, "queues": nil, "replicator": nil,
		"engine": {"--id", "e1"}, "allocator": {"--redis", s.redis},
	} {
		all[name] = spanway(s.t, append([]string{"serve", name, "--brokers", s.kafka, "--http", "127.0.0.1:0"}, more...)...)
	}
	for name, p := range all {
		_, address, _ := strings.Cut(p.log.await(s.t, "address=", patience), "address=")
		eventually(s.t, patience, "the "+name+" is ready", func(context.Context) bool {
			answer, err := http.Get("http://" + address + "/readyz")
			if err != nil {
				return false
			}
			answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		})
	}
	return all
}

// ended waits until a process has ended of itself with a code.
func ended(t *testing.T, name string, p *process, code int, within time.Duration) {
	t.Helper()
	began := time.Now()
	if got := p.wait(within); got != code {
		t.Errorf("%s ends with %d (%v), want %d", name, got, p.cmd.ProcessState, code)
	}
	t.Logf("%s ended in %v", name, time.Since(began).Round(time.Millisecond))
}

// Every service and every command that goes on until it is told to end does so on SIGTERM: a
// service with 0, a command with what it says of a signal.
func TestEverythingEndsWhenItIsTold(t *testing.T) {
	s := newStoppable(t)
	at := []string{"--brokers", s.kafka}
	command(t, 0, append([]string{"queue", "create", "q"}, at...)...)
	command(t, 0, append([]string{"id", "create", "s", "--from", "1", "--to", "100000"}, at...)...)
	command(t, 0, append([]string{"task", "submit", "-k", "noop", "--wait"}, at...)...)
	services := s.services()
	for _, c := range []struct {
		watch []string
		does  []string // so that it has something to say
	}{
		{[]string{"task", "watch"}, []string{"task", "submit", "-k", "noop"}},
		{[]string{"engine", "watch"}, []string{"engine", "drain", "e1"}},
		{[]string{"link", "watch"}, []string{"link", "apply", "l", "--source", "nowhere", "--include", "orders"}},
		{[]string{"queue", "watch", "q"}, []string{"queue", "enqueue", "q", "--payload", "x"}},
		{[]string{"id", "watch", "s"}, []string{"id", "grant", "s", "--count", "1"}},
		{[]string{"log", "tail", "spanway.tasks.events", "--follow"}, []string{"task", "submit", "-k", "noop"}},
	} {
		name := strings.Join(c.watch, " ")
		p := spanway(t, append(c.watch, at...)...)
		eventually(t, patience, name+" says something", func(ctx context.Context) bool {
			_ = commandLine(ctx, binary, append(c.does, at...)...).Run()
			return p.out.String() != ""
		})
		term(p)
		ended(t, name, p, 130, patience)
	}
	for _, p := range services {
		term(p)
	}
	for name, p := range services {
		ended(t, "serve "+name, p, 0, stopGrace)
	}
	term(s.dev)
	ended(t, "dev", s.dev, 0, stopGrace)
}

// Brokers and Redis that do not answer keep no service from its end.
func TestServicesEndThoughNothingAnswers(t *testing.T) {
	s := newStoppable(t)
	services := s.services()
	s.dev.signal(syscall.SIGSTOP)
	for _, p := range services {
		term(p)
	}
	for name, p := range services {
		ended(t, "serve "+name, p, 0, stopGrace-5*time.Second)
	}
	s.dev.signal(syscall.SIGCONT)
}

// A second signal ends a service at once, whatever it is waiting for.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	s := newStoppable(t)
	at := []string{"--brokers", s.kafka}
	services := s.services()
	services["engine"].signal(syscall.SIGKILL)
	busy := spanway(t, "serve", "engine", "--brokers", s.kafka, "--id", "busy", "--pool", "slow", "--allow", "sh", "--grace", "10m")
	noted := filepath.Join(t.TempDir(), "pid")
	payload := fmt.Sprintf(`{"command":["sh","-c","echo $$ > %s; exec sleep 600"]}`, noted)
	command(t, 0, append([]string{"task", "submit", "--pool", "slow", "-k", "exec", "--id", "long", "--payload", payload}, at...)...)
	pid := 0
	eventually(t, patience, "the task runs", func(context.Context) bool {
		text, err := os.ReadFile(noted)
		if err == nil {
			_, err = fmt.Sscan(string(text), &pid)
		}
		return err == nil
	})
	term(busy)
	busy.log.await(t, "drain", patience)
	s.dev.signal(syscall.SIGSTOP) // So that the others wait for something, too.
	delete(services, "engine")
	services["busy engine"] = busy
	for name, p := range services {
		again := time.NewTicker(50 * time.Millisecond)
		for gone, late := false, time.After(patience); !gone; {
			term(p)
			select {
			case <-p.done:
				gone = true
			case <-again.C:
			case <-late:
				t.Fatalf("%s goes on", name)
			}
		}
		again.Stop()
		// A service that has nothing to wait for ends before it is told again.
		status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		killed := status.Signaled() && status.Signal() == syscall.SIGTERM
		if !killed && (p == busy || status.ExitStatus() != 0) {
			t.Errorf("%s ends with %v; want by the signal", name, p.cmd.ProcessState)
		}
	}
	eventually(t, patience, "what the engine ran is gone", func(context.Context) bool {
		return syscall.Kill(pid, 0) != nil
	})
	s.dev.signal(syscall.SIGCONT)
}
