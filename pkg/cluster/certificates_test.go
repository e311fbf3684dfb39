package cluster_test

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// An authority is replaced while a program works: first both are trusted, then the brokers,
// and then the program, are given certificates of the new one, and in the end the old one is
// trusted no more. The program goes on with each new connection, and is never restarted.
func TestCertificatesAreRotated(t *testing.T) {
	first, second := testca.New(t), testca.New(t)
	dir := t.TempDir()
	files := cluster.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	put := func(to string, from ...string) {
		t.Helper()
		var all []byte
		for _, f := range from {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = slices.Concat(all, text)
		}
		if err := os.WriteFile(to, all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// brokers are how the brokers listen: with a certificate of one, for clients of several.
	var brokers atomic.Pointer[tls.Config]
	listen := func(by *testca.Authority, clients ...*testca.Authority) {
		c := by.Server(by.Issue("broker", tomorrow), true)
		for _, ca := range clients {
			pem, err := os.ReadFile(ca.File)
			if err != nil || !c.ClientCAs.AppendCertsFromPEM(pem) {
				t.Fatal(err)
			}
		}
		brokers.Store(c)
	}
	own := first.Issue("engine-1", tomorrow)
	put(files.CAFile, first.File)
	put(files.CertFile, own.CertFile)
	put(files.KeyFile, own.KeyFile)
	listen(first)
	var wires network
	said, logger := newLogs()
	c := open(t, cluster.Config{
		Brokers: start(t, embedded.Config{TLS: &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return brokers.Load(), nil }}}),
		TLS:     files, Dial: wires.dial, Logger: logger,
	})
	if err := use(t, c); err != nil {
		t.Fatal(err)
	}
	generations := joined(t, c, "rotated")
	works := func(after string) {
		t.Helper()
		wires.cut()
		record := events.Record{Timestamp: time.Now().UnixMilli(), Value: []byte(after)}
		if _, err := c.Partition("notes", 0).Append(t.Context(), []events.Record{record}); err != nil {
			t.Fatalf("after %s: %v\n%s", after, err, said.all())
		}
		await(t, "a generation after "+after, generations)
	}
	put(files.CAFile, first.File, second.File)
	listen(second, first)
	works("the brokers' certificate")
	own = second.Issue("engine-1", tomorrow)
	put(files.CertFile, own.CertFile)
	put(files.KeyFile, own.KeyFile)
	listen(second)
	works("the program's certificate")
	put(files.CAFile, second.File)
	works("the old authority")
	listen(first, second)
	if err := stranger(t, c, &wires); err == nil || !strings.Contains(err.Error(), "not signed by a CA that is trusted here") {
		t.Errorf("the old authority is still trusted: %v", err)
	}
	listen(second)
	works("a broker of the old authority")
}

// stranger asks brokers that are not to be trusted.
func stranger(t *testing.T, c *cluster.Cluster, wires *network) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		wires.cut()
		if err := c.Check(ctx); err != nil {
			return err
		}
	}
}
