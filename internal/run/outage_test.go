package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
)

// voice is what a service logs of its connection.
type voice struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (v *voice) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text.Write(b)
}

// await waits until a line has a text.
func (v *voice) await(t *testing.T, text string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(90 * time.Second); v.count(text) == 0; {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("it does not say %q, but\n%s", text, v.all())
		}
	}
}

// all is what was said.
func (v *voice) all() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text.String()
}

// count is how many lines have a text.
func (v *voice) count(text string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strings.Count(v.text.String(), text)
}

// Brokers that are away for longer than an operation is tried end no service: not one that
// starts meanwhile, and not one that runs. It is not ready and says why, and goes on by itself.
func TestAnOutageEndsNoService(t *testing.T) {
	const limit = 2 * time.Second // for which an operation is tried
	kept := embedded.Config{DataDir: t.TempDir(), Port: porttest.Kept(t)}
	redis := startRedis(t, 0)
	defer redis.Close()
	services := allServices(redis)
	began := time.Now()
	probes, voices := map[string]string{}, map[string]*voice{}
	for name, run := range services {
		voices[name] = &voice{}
		at := cluster.Config{
			Brokers: []string{fmt.Sprintf("127.0.0.1:%d", kept.Port)}, RetryBudget: limit,
			Logger: slog.New(slog.NewTextHandler(voices[name], nil)),
		}
		probes[name] = serveAt(t, at, run)
	}
	far := regexp.MustCompile(`, for ([4-9]|\d\d|\d+m\d+)s: .*connection refused`)
	// lasts waits until each has been without a broker for far longer than the limit.
	lasts := func() {
		t.Helper()
		for name := range services {
			awaitAnswer(t, probes[name], http.StatusServiceUnavailable, far)
		}
	}
	lasts()
	for name, d := range voices {
		if told := d.count(`msg="trying again"`); told < 1 || told > 1+int(time.Since(began)/trouble.Every) {
			t.Errorf("%s says %d times that it tries again, want once, and every 30 s:\n%s", name, told, &d.text)
		}
	}
	broker := startBroker(t, kept)
	defer func() { broker.Close() }()
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
		voices[name].await(t, `msg="it goes on again"`)
	}
	broker.Close()
	lasts()
	broker = startBroker(t, kept)
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
	}
}

// What no time mends ends every service when it starts, at once.
func TestAWrongPasswordEndsEveryService(t *testing.T) {
	ca := testca.New(t)
	broker, err := embedded.Start(embedded.Config{
		TLS:   ca.Server(ca.Issue("broker", time.Now().Add(time.Hour)), false),
		Users: []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "all", Password: "right", Super: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	file := t.TempDir() + "/password"
	if err := os.WriteFile(file, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := startRedis(t, 0)
	defer redis.Close()
	for name, run := range allServices(redis) {
		t.Run(name, func(t *testing.T) {
			c, err := cluster.Open(cluster.Config{
				Brokers: broker.Addrs(), Logger: slog.New(slog.DiscardHandler), TLS: cluster.TLS{CAFile: ca.File},
				SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "all", PasswordFile: file},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			tel, err := telemetry.Start("test")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tel.Stop(context.Background()) }()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var rejected *cluster.Rejected
			if err := run(ctx, c, tel); !errors.As(err, &rejected) || ctx.Err() != nil {
				t.Errorf("it ends with %v, want *cluster.Rejected", err)
			}
		})
	}
}

// A password that brokers refuse from some time on ends no service that runs: each is not ready
// and says who is refused and what to do, and goes on once the password is right.
func TestAPasswordThatIsRefusedLaterEndsNoService(t *testing.T) {
	kept := embedded.Config{
		DataDir: t.TempDir(), Port: porttest.Kept(t),
		Users: []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "all", Password: "right", Super: true}},
	}
	file := t.TempDir() + "/password"
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("right")
	broker := startBroker(t, kept)
	defer func() { broker.Close() }()
	redis := startRedis(t, 0)
	defer redis.Close()
	probes, voices := map[string]string{}, map[string]*voice{}
	for name, run := range allServices(redis) {
		voices[name] = &voice{}
		probes[name] = serveAt(t, cluster.Config{
			Brokers: broker.Addrs(), RetryBudget: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(voices[name], nil)),
			SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "all", PasswordFile: file},
		}, run)
	}
	for _, url := range probes {
		awaitReady(t, url, http.StatusOK, "ok")
	}
	broker.Close()
	write("another")
	broker = startBroker(t, kept)
	const why = "as User:all: the broker refuses the user or the password"
	for name, url := range probes {
		awaitAnswer(t, url, http.StatusServiceUnavailable, regexp.MustCompile(name+`.*`+why+`.*: check the user, the password`))
		voices[name].await(t, why)
	}
	for range 10 { // It goes on to say so, whatever else it tries meanwhile.
		for _, url := range probes {
			if status, body := asked(t, url); status != http.StatusServiceUnavailable || !strings.Contains(body, why) {
				t.Errorf("%s answers %d %q, want %q", url, status, body, why)
			}
		}
	}
	write("right")
	for _, url := range probes {
		awaitReady(t, url, http.StatusOK, "ok")
	}
}
