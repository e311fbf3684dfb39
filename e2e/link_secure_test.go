package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/testca"
)

// A replicator, and the audit, reach both sides by TLS with SCRAM, each with a password of
// its own.
func TestApacheCopiesOverTLS(t *testing.T) {
	t.Parallel()
	ca := testca.New(t)
	dir, key := t.TempDir(), ca.Issue("broker", time.Now().Add(time.Hour)).BothFile
	secure := func(name string) *apache.Broker {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"-secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		return apache.Start(t, apache.Config{
			Secure:     &apache.Secure{KeyFile: key, ExpiredKeyFile: key, CAFile: ca.File, Users: map[string]string{name: name + "-secret"}},
			Properties: map[string]string{"super.users": "User:ANONYMOUS;User:" + name},
		})
	}
	ams, fra := secure("ams"), secure("fra")
	sites := twoSites{ams, fra}
	w := newLinkWorld(t, sites, sites.addrs(), "secured", binary, 1)
	side := func(name string, b *apache.Broker) string {
		return fmt.Sprintf("%s: {brokers: [%q], tls: {ca-file: %q}, sasl: {mechanism: SCRAM-SHA-512, user: %s, password-file: %q}}",
			name, b.Listener(apache.SASL), ca.File, name, filepath.Join(dir, name))
	}
	text := fmt.Sprintf("clusters: {%s, %s}\ncontexts: {fra: {cluster: fra, site: fra}}\ncurrent-context: fra\n", side("ams", ams), side("fra", fra))
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	load := w.load(20 * time.Millisecond)
	w.replicator("one", "")
	w.copied(1)
	load.stop()
	w.copied(1)
	w.equal(nil)
}
