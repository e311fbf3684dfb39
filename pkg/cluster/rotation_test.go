package cluster_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// A password and a certificate that are replaced are used by the next connection of
// the same cluster.
func TestReplacedSecretsAreUsed(t *testing.T) {
	ca := testca.New(t)
	broker, late := ca.Issue("broker", tomorrow), ca.Issue("engine-1", yesterday)
	file := passwordFile(t, "an old one")
	c := open(t, cluster.Config{
		Brokers: start(t, embedded.Config{TLS: ca.Server(broker, true), Users: []embedded.User{user(cluster.ScramSHA512)}}),
		TLS:     cluster.TLS{CAFile: ca.File, CertFile: late.CertFile, KeyFile: late.KeyFile},
		SASL:    as(cluster.ScramSHA512, file),
	})
	await := func(want string) {
		t.Helper()
		for began := time.Now(); ; {
			err := c.Check(t.Context())
			if want == "" && err == nil || want != "" && err != nil && strings.Contains(err.Error(), want) {
				return
			}
			if time.Since(began) > soon {
				t.Fatalf("the error is %v, want one that contains %q", err, want)
			}
		}
	}
	await("refuses the client certificate")
	ca.Issue("engine-1", tomorrow)
	await("refuses the user or the password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	await("")
}

// network lets a test cut connections.
type network struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.conns = append(n.conns, conn)
	}
	return conn, err
}

func (n *network) opened() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.Close()
	}
	n.conns = nil
}

// ofASlowMachine are in lines that tell of a call that takes long, and is answered after all.
var ofASlowMachine = []string{"there is no answer yet", "it goes on again"}

// logs are lines that a test looks for, without those of a slow machine.
type logs struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	line := string(p)
	if slices.ContainsFunc(ofASlowMachine, func(text string) bool { return strings.Contains(line, text) }) {
		return len(p), nil
	}
	select {
	case l.lines <- line:
	default:
	}
	return len(p), nil
}

func (l *logs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newLogs() (*logs, *slog.Logger) {
	l := &logs{lines: make(chan string, 100)}
	return l, slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A member that is refused while it works, such as while a password is being replaced,
// says so in the log, and goes on once it is not.
func TestMemberThatIsRefusedSaysSo(t *testing.T) {
	file := passwordFile(t, password)
	var wires network
	said, logger := newLogs()
	c := open(t, cluster.Config{
		Brokers: start(t, embedded.Config{Users: []embedded.User{user(cluster.ScramSHA512)}}),
		SASL:    as(cluster.ScramSHA512, file), Dial: wires.dial, Logger: logger,
	})
	if err := use(t, c); err != nil {
		t.Fatal(err)
	}
	generations := joined(t, c, "g")
	if err := os.WriteFile(file, []byte("not that"), 0o600); err != nil {
		t.Fatal(err)
	}
	wires.cut()
	line := await(t, "a line in the log", said.lines)
	for _, want := range []string{"level=ERROR", "join group g", "cluster prod", "User:alice", "refuses the user or the password"} {
		if !strings.Contains(line, want) {
			t.Errorf("it says %q, want it to contain %q", line, want)
		}
	}
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the next generation", generations)
}

// A producer that must not drop records keeps those that the cluster refuses, and says
// so in the log.
func TestProducerThatIsDeniedSaysSo(t *testing.T) {
	said, logger := newLogs()
	brokers := start(t, embedded.Config{Users: []embedded.User{
		{Mechanism: cluster.ScramSHA512, Name: "admin", Password: "admin", Super: true},
		{Mechanism: cluster.ScramSHA512, Name: "alice", Password: password},
	}})
	admin := open(t, cluster.Config{Brokers: brokers, SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "admin", Password: "admin"}})
	if err := use(t, admin); err != nil {
		t.Fatal(err)
	}
	c := open(t, cluster.Config{Brokers: brokers, SASL: as(cluster.ScramSHA512, passwordFile(t, password)), Logger: logger})
	producer := c.Kafka().Producer(kafka.ProducerOptions{Forever: true})
	done := make(chan error, 1)
	producer.Send(t.Context(), "notes", 0, events.Record{Value: []byte("a")}, func(_ int64, err error) { done <- err })
	line := await(t, "a line in the log", said.lines)
	for _, want := range []string{"level=ERROR", "append what waits", "User:alice lacks the right Write on topic notes"} {
		if !strings.Contains(line, want) {
			t.Errorf("it says %q, want it to contain %q", line, want)
		}
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	_ = producer.Close(now)
	if err := await(t, "the record to be given up", done); err == nil {
		t.Error("the record was acknowledged")
	}
}

func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("waited for %s in vain", what)
		panic("unreachable")
	}
}

// joined has a member in a group until the test ends, and returns what is told of each
// generation; it has had the first one.
func joined(t *testing.T, c *cluster.Cluster, group string) <-chan struct{} {
	t.Helper()
	generations := make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		left <- c.Kafka().Join(ctx, group, "notes", func(ctx context.Context, _ *kafka.Generation) {
			select {
			case generations <- struct{}{}:
			case <-ctx.Done():
			}
			<-ctx.Done()
		})
	}()
	t.Cleanup(func() {
		leave()
		<-left
	})
	await(t, "the first generation", generations)
	return generations
}
