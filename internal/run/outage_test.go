package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
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

// A password that brokers refuse from some time on, and a certificate that a client does, end
// no service that runs: each is not ready and says why and what to do, and goes on once the
// file is right again.
func TestARefusalThatComesLaterEndsNoService(t *testing.T) {
	user := embedded.User{Mechanism: cluster.ScramSHA512, Name: "all", Password: "right", Super: true}
	dir := t.TempDir()
	file := filepath.Join(dir, "password")
	t.Run("of a password", func(t *testing.T) {
		refusedLater(t, embedded.Config{Users: []embedded.User{user}},
			cluster.Config{SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "all", PasswordFile: file}},
			inTurn{file, "right", "another"}, `as User:all: the broker refuses the user or the password.*: check the user, the password`)
	})
	ca, other := testca.New(t), testca.New(t)
	trusted := filepath.Join(dir, "ca.pem")
	t.Run("of a certificate", func(t *testing.T) {
		refusedLater(t, embedded.Config{TLS: ca.Server(ca.Issue("broker", time.Now().Add(time.Hour)), false)},
			cluster.Config{TLS: cluster.TLS{CAFile: trusted}},
			inTurn{trusted, text(t, ca.File), text(t, other.File)}, `the broker's certificate is not signed by a CA that is trusted here.*: trust the CA that signed it`)
	})
}

// inTurn is a file, and what is in it while all is well and while it is not.
type inTurn struct{ file, right, wrong string }

func (f inTurn) write(t *testing.T, content string) {
	t.Helper()
	if err := os.WriteFile(f.file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// refusedLater runs all services on a broker that starts again while the file is wrong; why is
// what they say then.
func refusedLater(t *testing.T, kept embedded.Config, at cluster.Config, file inTurn, why string) {
	kept.DataDir, kept.Port = t.TempDir(), porttest.Kept(t)
	file.write(t, file.right)
	broker := startBroker(t, kept)
	defer func() { broker.Close() }()
	redis := startRedis(t, 0)
	defer redis.Close()
	at.Brokers, at.RetryBudget = broker.Addrs(), 2*time.Second
	probes, voices := map[string]string{}, map[string]*voice{}
	for name, run := range allServices(redis) {
		voices[name] = &voice{}
		at.Logger = slog.New(slog.NewTextHandler(voices[name], nil))
		probes[name] = serveAt(t, at, run)
	}
	for _, url := range probes {
		awaitReady(t, url, http.StatusOK, "ok")
	}
	broker.Close()
	file.write(t, file.wrong)
	broker = startBroker(t, kept)
	said := regexp.MustCompile(why)
	first, _, _ := strings.Cut(why, ".*")
	for name, url := range probes {
		awaitAnswer(t, url, http.StatusServiceUnavailable, regexp.MustCompile(name+`.*`+why))
		voices[name].await(t, first)
	}
	for range 10 { // It goes on to say so, whatever else it tries meanwhile.
		for _, url := range probes {
			if status, body := asked(t, url); status != http.StatusServiceUnavailable || !said.MatchString(body) {
				t.Errorf("%s answers %d %q, want %q", url, status, body, why)
			}
		}
	}
	file.write(t, file.right)
	for _, url := range probes {
		awaitReady(t, url, http.StatusOK, "ok")
	}
}
