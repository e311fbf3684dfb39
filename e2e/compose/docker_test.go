//go:build compose

package compose

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// noEngine is the exit code that tells run.sh that dockerd did not start.
const noEngine = 75

// root is the checkout; made is what `make e2e-compose` made in it.
const (
	root = "../.."
	made = root + "/build/compose"
)

func TestMain(m *testing.M) { os.Exit(withDocker(m.Run)) }

// withDocker runs f beside a Docker engine that has its data in SCRATCH.
func withDocker(f func() int) int {
	scratch := os.Getenv("SCRATCH")
	if scratch == "" {
		fmt.Fprintln(os.Stderr, "this test starts a Docker engine in namespaces of its own: run it with make e2e-compose")
		return 1
	}
	d, err := startDocker(scratch)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return noEngine
	}
	defer d.stop()
	os.Setenv("DOCKER_HOST", "unix://"+d.socket)
	if err := withCompose(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return f()
}

// withCompose makes `docker compose` the Compose that `make e2e-compose` has built.
func withCompose(scratch string) error {
	built, err := filepath.Abs(made + "/bin/docker-compose")
	if err != nil {
		return err
	}
	config := filepath.Join(scratch, "config")
	if err := os.MkdirAll(config+"/cli-plugins", 0o700); err != nil {
		return err
	}
	os.Setenv("DOCKER_CONFIG", config)
	return os.Symlink(built, config+"/cli-plugins/docker-compose")
}

// docker is a running Docker engine.
type docker struct {
	socket string
	cmd    *exec.Cmd
	ended  chan error
}

func startDocker(scratch string) (*docker, error) {
	log, err := os.Create(filepath.Join(scratch, "dockerd.log"))
	if err != nil {
		return nil, err
	}
	d := &docker{socket: filepath.Join(scratch, "docker.sock"), ended: make(chan error, 1)}
	d.cmd = exec.Command("dockerd", "--host", "unix://"+d.socket, "--pidfile", filepath.Join(scratch, "pid"),
		"--data-root", filepath.Join(scratch, "data"), "--exec-root", "/run/docker", "--cgroup-parent", "/"+filepath.Base(scratch))
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	limit := time.After(time.Minute)
	for {
		select {
		case err := <-d.ended:
			return nil, d.failed(log.Name(), fmt.Errorf("dockerd ended: %w", err))
		case <-limit:
			return nil, d.failed(log.Name(), fmt.Errorf("dockerd did not answer within a minute"))
		case <-time.After(200 * time.Millisecond):
		}
		if exec.Command("docker", "--host", "unix://"+d.socket, "version").Run() == nil {
			return d, nil
		}
	}
}

func (d *docker) failed(log string, err error) error {
	said, _ := os.ReadFile(log)
	return fmt.Errorf("%w:\n%s", err, said[max(0, len(said)-4000):])
}

// stop ends dockerd, which ends all containers.
func (d *docker) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second): // The rest ends with its namespace.
		_ = d.cmd.Process.Kill()
	}
}

// run runs a program for at most the given time and returns what it prints on
// stdout; the error has what it prints on stderr.
func run(limit time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, stderr strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w (limit %v)\n%s%s", filepath.Base(name), strings.Join(args, " "), err, limit, stderr.String(), out.String())
	}
	return out.String(), nil
}

// must is run for what has to succeed.
func must(t *testing.T, limit time.Duration, name string, args ...string) string {
	t.Helper()
	out, err := run(limit, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// await asks again and again until done is true; what it saw last is in the failure.
func await[T any](t *testing.T, limit time.Duration, what string, ask func() (T, error), done func(T) bool) T {
	t.Helper()
	end := time.After(limit)
	for {
		seen, err := ask()
		if err == nil && done(seen) {
			return seen
		}
		select {
		case <-end:
			t.Fatalf("waited %v for %s; the last answer is %+v (%v)", limit, what, seen, err)
		case <-time.After(300 * time.Millisecond):
		}
	}
}
