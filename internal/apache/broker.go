package apache

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/stoptest"
)

// patience bounds every wait for the broker. A start takes some six seconds on
// two idle cores.
const patience = 90 * time.Second

// Broker is one Kafka process. Its methods fail the test that started it and
// are for one goroutine at a time.
type Broker struct {
	tb        testing.TB
	classPath string
	dir       string
	port      int
	ports     map[string]int // of the other listeners
	cluster   string         // its ID
	// controller is the port where the first node of a cluster is its controller, and nodes how
	// many the cluster has.
	controller, nodes int
	users             []string // as the storage tool wants them
	process           *exec.Cmd
	exited            chan struct{} // closed when process has been waited for
}

// Start runs a new Kafka with empty data and returns when it answers.
func Start(tb testing.TB, cfg Config) *Broker {
	tb.Helper()
	Require(tb)
	if cfg.Version == "" {
		cfg.Version = Latest
	}
	classPath, err := jars(cfg.Version)
	if err != nil {
		missing(tb, err)
	}
	b := &Broker{tb: tb, classPath: classPath, dir: tb.TempDir(), port: porttest.Kept(tb), ports: map[string]int{}, users: cfg.Secure.scram(), nodes: 1}
	if cfg.Joins == nil {
		b.cluster, b.controller = clusterID(), porttest.Kept(tb)
	} else {
		b.cluster = cfg.Joins.cluster
		cfg.Joins.nodes++
	}
	for _, name := range cfg.Secure.listeners() {
		b.ports[name] = porttest.Kept(tb)
	}
	properties := cfg.properties(b.DataDir(), b.port, b.controller, b.ports)
	if err := os.WriteFile(b.path("server.properties"), []byte(properties), 0o600); err != nil {
		tb.Fatalf("write the broker's properties: %v", err)
	}
	tb.Cleanup(b.cleanup)
	b.format()
	b.Start()
	return b
}

// Addr is the broker's address, host:port; it stays the same for ever.
func (b *Broker) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// Listener is the address of one of the listeners that Secure adds.
func (b *Broker) Listener(name string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.ports[name]))
}

// Start runs the broker again on the data it had, and returns when it answers.
func (b *Broker) Start() {
	b.tb.Helper()
	if b.process != nil {
		b.tb.Fatalf("start Kafka on %s: it is running; Kill it first", b.Addr())
	}
	cmd := b.java("-Xms128m", "-Xmx384m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"kafka.Kafka", b.path("server.properties"))
	if err := cmd.Start(); err != nil {
		b.tb.Fatalf("start Kafka: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // It is always killed: how it ended says nothing.
	}()
	b.process, b.exited = cmd, exited
	b.awaitAnswer()
}

// Kill ends the broker as a power cut of its process would, and waits for its end.
func (b *Broker) Kill() {
	b.tb.Helper()
	b.signal(syscall.SIGKILL)
	<-b.exited
	b.process = nil
}

// Stop lets the broker end as an operator does, and waits for its end.
func (b *Broker) Stop() {
	b.tb.Helper()
	b.signal(syscall.SIGTERM)
	select {
	case <-b.exited:
		b.process = nil
	case <-time.After(patience):
		b.tb.Fatalf("stop Kafka on %s: it did not end within %s\n%s", b.Addr(), patience, b.output())
	}
}

// Pause stops the process in its tracks; its connections stay open.
func (b *Broker) Pause() {
	b.tb.Helper()
	b.signal(syscall.SIGSTOP)
}

// Continue lets a paused process run on.
func (b *Broker) Continue() {
	b.tb.Helper()
	b.signal(syscall.SIGCONT)
}

func (b *Broker) signal(s syscall.Signal) {
	b.tb.Helper()
	if b.process == nil {
		b.tb.Fatalf("send %s to Kafka on %s: it is not running", s, b.Addr())
	}
	send := b.process.Process.Signal
	if s == syscall.SIGSTOP {
		send = func(os.Signal) error { return stoptest.Stop(b.process.Process) }
	}
	if err := send(s); err != nil {
		b.tb.Fatalf("send %s to Kafka on %s: %v", s, b.Addr(), err)
	}
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// java prepares a command of the JVM that writes to the broker's output file.
func (b *Broker) java(args ...string) *exec.Cmd {
	b.tb.Helper()
	output, err := os.OpenFile(b.path("output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.tb.Fatalf("open the broker's output: %v", err)
	}
	b.tb.Cleanup(func() { _ = output.Close() })
	// A short life: compile little, collect simply.
	jvm := []string{"-cp", b.classPath, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"}
	cmd := exec.Command("java", append(jvm, args...)...)
	cmd.Stdout, cmd.Stderr = output, output
	endWithParent(cmd)
	return cmd
}

func (b *Broker) format() {
	b.tb.Helper()
	args := []string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "kafka.tools.StorageTool",
		"format", "--cluster-id", b.cluster, "--config", b.path("server.properties")}
	cmd := b.java(append(args, b.users...)...)
	if err := cmd.Run(); err != nil {
		b.tb.Fatalf("format Kafka's data directory: %v\n%s", err, b.output())
	}
}

func (b *Broker) awaitAnswer() {
	b.tb.Helper()
	deadline := time.Now().Add(patience)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := probe(b.Addr())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.tb.Fatalf("wait for Kafka on %s: no answer within %s: %v\n%s", b.Addr(), patience, err, b.output())
		}
		select {
		case <-again.C:
		case <-b.exited:
			b.process = nil
			b.tb.Fatalf("wait for Kafka on %s: it ended\n%s", b.Addr(), b.output())
		}
	}
}

func (b *Broker) cleanup() {
	if b.process != nil {
		b.Kill()
	}
	if b.tb.Failed() {
		b.tb.Logf("what Kafka on %s said:\n%s", b.Addr(), b.output())
	}
}

// output is the end of what the process wrote.
func (b *Broker) output() []byte {
	const most = 8 << 10
	all, err := os.ReadFile(b.path("output"))
	if err != nil {
		return fmt.Append(nil, err)
	}
	return bytes.TrimSpace(all[max(0, len(all)-most):])
}

// DataDir is where it keeps the partitions.
func (b *Broker) DataDir() string { return b.path("data") }
