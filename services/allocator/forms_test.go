package allocator_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// Redis evicts the key of a space between two grants: it is brought up to the log, which is
// counted, and nothing is granted twice.
func TestRealRedisEvictsASpace(t *testing.T) {
	const key = "spanway.ids.{spi}"
	server := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
	admin := server.Client()
	s, count := measured(t, on(server.Addr()))
	_, c := system(t, func(c *allocator.Config) { c.Reconcile = time.Hour }, s)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	for next := int64(1); next < 16; next += 5 {
		g, err := c.Grant(t.Context(), ids.Want{Space: "spi", Count: 5})
		must(t, err)
		if g.From != next || g.To != next+4 {
			t.Errorf("%d to %d are granted, want %d to %d", g.From, g.To, next, next+4)
		}
		raised, n := count("raised"), 0
		until(t, "the key is evicted", func() bool {
			for range 20 {
				n++
				must(t, admin.Set(t.Context(), fmt.Sprint("others:", n), strings.Repeat("x", 64<<10), 0).Err())
			}
			there, err := admin.Exists(t.Context(), key).Result()
			must(t, err)
			return there == 0
		})
		g, err = c.Grant(t.Context(), ids.Want{Space: "spi", Count: 1, RequestID: fmt.Sprint("behind ", next)})
		must(t, err)
		if g.From != next+5 {
			t.Errorf("behind the eviction %d is granted, want %d", g.From, next+5)
		}
		if count("raised") != raised+1 {
			t.Errorf("Redis was raised %d times, want once", count("raised")-raised)
		}
		next++
	}
}

// Grants go on through a cluster whose slot moves to another node meanwhile.
func TestRealRedisClusterGrants(t *testing.T) {
	cluster := redistest.StartCluster(t)
	config := store.Config{Addrs: cluster.Addrs()}
	a, _ := measured(t, config)
	b, _ := measured(t, config)
	_, c := system(t, func(c *allocator.Config) { c.Patience = time.Minute }, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	slot := cluster.Slot("spanway.ids.{spi}")
	owner := cluster.Owner(slot)
	during(t, c, func() { cluster.Migrate(slot)() })
	if cluster.Owner(slot) == owner {
		t.Error("the slot has not moved")
	}
}

// Grants go on when a Sentinel makes the replica the master while the old one lives.
func TestRealRedisSentinelSwitchesOver(t *testing.T) {
	w := redistest.StartWatched(t)
	watched := store.Config{Addrs: []string{w.Addr()}, Master: redistest.MasterName}
	a, _ := measured(t, watched)
	b, _ := measured(t, watched)
	_, c := system(t, func(c *allocator.Config) { c.Patience = time.Minute }, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	during(t, c, w.SwitchOver)
}

// Grants over TLS, as an ACL user whose password changes meanwhile.
func TestRealRedisSecuredGrants(t *testing.T) {
	ca := testca.New(t)
	until := time.Now().Add(time.Hour)
	server, client := ca.Issue("redis", until), ca.Issue("allocator", until)
	addr := redistest.FreeAddr(t)
	admin := redistest.Start(t, "--tls-port", redistest.Port(addr), "--tls-ca-cert-file", ca.File,
		"--tls-cert-file", server.CertFile, "--tls-key-file", server.KeyFile).Client()
	file := filepath.Join(t.TempDir(), "password")
	do := func(command ...any) {
		if err := admin.Do(context.Background(), command...).Err(); err != nil {
			t.Errorf("%v: %v", command, err)
		}
	}
	must(t, os.WriteFile(file, []byte("one\n"), 0o600))
	do("ACL", "SETUSER", "allocator", "on", ">one", "~spanway.*", "+@all")
	config := store.Config{
		Addrs: []string{addr}, Username: "allocator", PasswordFile: file,
		TLS: cluster.TLS{CAFile: ca.File, CertFile: client.CertFile, KeyFile: client.KeyFile}.Config,
	}
	a, _ := measured(t, config)
	b, _ := measured(t, config)
	_, c := system(t, func(c *allocator.Config) { c.Patience = time.Minute }, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	during(t, c, func() {
		if err := os.WriteFile(file, []byte("two\n"), 0o600); err != nil {
			t.Error(err)
		}
		do("ACL", "SETUSER", "allocator", ">two", "<one")
		do("CLIENT", "KILL", "USER", "allocator")
	})
}

// during has callers grant before, while and after something happens: no identifier twice.
func during(t *testing.T, c *ids.Client, something func()) {
	t.Helper()
	const callers, each = 8, 20
	var (
		mu             sync.Mutex
		seen           = map[int64]string{}
		begun, happens = make(chan struct{}), make(chan struct{})
		begin          = sync.OnceFunc(func() { close(begun) })
		all            sync.WaitGroup
	)
	all.Go(func() {
		defer close(happens)
		<-begun
		something()
	})
	grant := func(id string) {
		g, err := c.Grant(t.Context(), ids.Want{Space: "spi", Count: 3, RequestID: id})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		for n := g.From; err == nil && n <= g.To; n++ {
			if of, taken := seen[n]; taken {
				t.Errorf("%d is granted to %s and to %s", n, of, id)
			}
			seen[n] = id
		}
	}
	for i := range callers {
		all.Go(func() {
			defer begin()
			for n, left := 0, each; left > 0 && !t.Failed(); n++ {
				grant(fmt.Sprintf("%d-%d", i, n))
				if n == each {
					begin()
				}
				select {
				case <-happens:
					left--
				default:
				}
			}
		})
	}
	all.Wait()
}
