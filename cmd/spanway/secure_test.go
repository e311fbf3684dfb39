package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

const secret = "hunter2-do-not-show"

// shared is output of several processes. The buffer is not embedded: its other methods,
// such as WriteString, which io.WriteString calls, would not wait for the lock.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *shared) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *shared) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// secureCluster is a broker that demands a certificate and a password, and the
// configuration file that has them.
func secureCluster(t *testing.T) (file, password string) {
	t.Helper()
	ca := testca.New(t)
	broker, client := ca.Issue("broker", time.Now().Add(time.Hour)), ca.Issue("client", time.Now().Add(time.Hour))
	b, err := embedded.Start(embedded.Config{
		TLS:   ca.Server(broker, true),
		Users: []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "alice", Password: secret, Super: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	dir := t.TempDir()
	file, password = filepath.Join(dir, "config.yaml"), filepath.Join(dir, "password")
	config := fmt.Sprintf("clusters: {prod: {brokers: [%q], dial-timeout: 1m, tls: {ca-file: %q, cert-file: %q, key-file: %q}, sasl: {user: alice, password-file: password}}}",
		b.Addr(), ca.File, client.CertFile, client.KeyFile)
	for path, content := range map[string]string{file: config, password: secret + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cluster.Open(cluster.Config{
		Brokers: b.Addrs(), TLS: cluster.TLS{CAFile: ca.File, CertFile: client.CertFile, KeyFile: client.KeyFile},
		SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "alice", PasswordFile: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ensure(t.Context(), events.Specs(events.Topics{Prefix: events.DefaultPrefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	return file, password
}

// A scheduler, an engine and a client reach a secured cluster by the same file; what
// they say has no password in it.
func TestSecuredCluster(t *testing.T) {
	file, password := secureCluster(t)
	at := []string{"--config", file, "--cluster", "prod"}
	ctx, stop := context.WithCancel(t.Context())
	var said shared
	var running sync.WaitGroup
	for _, service := range []string{"scheduler", "engine --id e1"} {
		running.Go(func() {
			args := append(append([]string{"serve"}, strings.Fields(service)...), "--http", "", "--log-level", "debug")
			if code := program.Run(ctx, append(args, at...), cli.Streams{In: strings.NewReader(""), Out: &said, Err: &said}); code != cli.ExitDone {
				t.Errorf("serve %s ends with %d", service, code)
			}
		})
	}
	out, stderr, code := program.Call(t.Context(), "", append([]string{"task", "submit", "-k", "noop", "--id", "one", "--wait"}, at...)...)
	if code != cli.ExitDone || !strings.Contains(out+stderr, "succeeded") {
		t.Errorf("task submit ends with %d: %s%s", code, out, stderr)
	}
	stop()
	running.Wait()
	if err := os.WriteFile(password, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"task", "list"}, {"serve", "scheduler", "--http", ""}, {"serve", "engine", "--id", "e1", "--http", ""}} {
		began := time.Now()
		out, stderr, code = program.Call(t.Context(), "", append(args, at...)...)
		fmt.Fprint(&said, out, stderr)
		for _, want := range []string{"cluster prod (127.0.0.1:", "User:alice", "refuses the user or the password"} {
			if code != cli.ExitUnavailable || !strings.Contains(stderr, want) {
				t.Errorf("%v with a wrong password ends with %d: %s; want %q", args, code, stderr, want)
			}
		}
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("%v took %v to say so", args, took)
		}
	}
	if strings.Contains(said.String(), secret) {
		t.Errorf("the password is in what was said:\n%s", said.String())
	}
}
