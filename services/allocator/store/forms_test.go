package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/allocator/store"
	"github.com/spanway/spanway/services/allocator/store/storetest"
)

// The forms in which Redis is run: the contract holds on each.
func TestContractOnRealRedisBehindSentinel(t *testing.T) {
	w := redistest.StartWatched(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, watched(w)) })
}

func TestContractOnRealRedisCluster(t *testing.T) {
	c := redistest.StartCluster(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, store.Config{Addrs: c.Addrs()}) })
}

func watched(w *redistest.Watched) store.Config {
	return store.Config{Addrs: []string{w.Addr()}, Master: redistest.MasterName, Pause: 20 * time.Millisecond}
}

// proposing proposes from several goroutines until stop, and keeps what was proposed.
type proposing struct {
	mu   sync.Mutex
	seen map[int64]string
	more chan struct{}
	stop func()
}

func propose(t *testing.T, stores ...*store.Redis) *proposing {
	t.Helper()
	p := &proposing{seen: map[int64]string{}, more: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d", i, n)
				for ctx.Err() == nil {
					out, err := s.Propose(ctx, store.Batch{Space: spi, Wants: []store.Want{{RequestID: id, Count: 1}}})
					if err == nil {
						p.note(t, id, out[0].Range.From)
						break
					}
					if gone := new(store.Unavailable); ctx.Err() == nil && !errors.As(err, &gone) && !errors.As(err, new(*store.Contended)) {
						t.Errorf("%s: %v", id, err)
						return
					}
				}
			}
		})
	}
	p.stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(p.stop)
	return p
}

func (p *proposing) note(t *testing.T, id string, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if of, taken := p.seen[n]; taken {
		t.Errorf("%d is proposed for %s and for %s", n, of, id)
	}
	p.seen[n] = id
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// goesOn waits until so many more are proposed.
func (p *proposing) goesOn(t *testing.T, n int) {
	t.Helper()
	late := time.After(time.Minute)
	for range n {
		select {
		case <-p.more:
		case <-late:
			t.Fatal("nothing is proposed any more")
		}
	}
}

// A master is killed while ranges are proposed: the store goes on at the next one, and
// proposes nothing twice of what the replica had.
func TestRealRedisSentinelFailsOver(t *testing.T) {
	w := redistest.StartWatched(t)
	a, b := open(t, watched(w)), open(t, watched(w))
	filled(t, a)
	p := propose(t, a, b)
	p.goesOn(t, 20)
	p.stop() // What a replica does not have yet is lost with its master: that is for the log.
	w.FailOver()
	q := propose(t, a, b)
	q.goesOn(t, 20)
	q.stop()
	for n, id := range q.seen { // The same requests are made again, too.
		if of, taken := p.seen[n]; taken && of != id {
			t.Errorf("%d is proposed for %s and, before the fail-over, for %s", n, id, of)
		}
	}
}

// A slot moves to another node while ranges are proposed.
func TestRealRedisClusterMovesASlot(t *testing.T) {
	c := redistest.StartCluster(t)
	config := store.Config{Addrs: c.Addrs(), Pause: 20 * time.Millisecond}
	measured := newFigures(&config)
	a, b := open(t, config), open(t, config)
	filled(t, a)
	slot := c.Slot("spanway.ids.{spi}")
	before := c.Owner(slot)
	p := propose(t, a, b)
	p.goesOn(t, 20)
	finish := c.Migrate(slot)
	failed := measured.count(t, "failures")
	for began := time.Now(); measured.count(t, "failures") == failed; { // Between two nodes it is of neither.
		if time.Since(began) > time.Minute {
			t.Fatal("a slot between two nodes is not noticed")
		}
	}
	finish()
	for len(p.more) > 0 {
		<-p.more
	}
	p.goesOn(t, 20)
	p.stop()
	if after := c.Owner(slot); after == before {
		t.Errorf("the slot is still of node %d", after)
	}
}

// A node of a cluster is gone: the spaces in its slots fail with a reason, others go on.
func TestRealRedisClusterLosesANode(t *testing.T) {
	c := redistest.StartCluster(t)
	s := open(t, store.Config{Addrs: c.Addrs(), Pause: 20 * time.Millisecond})
	filled(t, s)
	c.Node(c.Owner(c.Slot("spanway.ids.{spi}"))).Kill()
	_, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: "a", Count: 1}}})
	if !errors.As(err, new(*store.Unavailable)) {
		t.Errorf("a node that is gone: %v", err)
	}
	if _, err := s.Check(t.Context()); !errors.As(err, new(*store.Unavailable)) {
		t.Errorf("a check of a cluster that lacks a node: %v", err)
	}
}

// TLS with certificates of the server and the client, which are read again.
func TestRealRedisOverTLS(t *testing.T) {
	ca := testca.New(t)
	until := time.Now().Add(time.Hour)
	server, client := ca.Issue("redis", until), ca.Issue("allocator", until)
	addr := redistest.FreeAddr(t)
	redistest.Start(t, "--tls-port", redistest.Port(addr), "--tls-ca-cert-file", ca.File,
		"--tls-cert-file", server.CertFile, "--tls-key-file", server.KeyFile)
	secured := func(tls cluster.TLS) *store.Redis {
		return open(t, store.Config{Addrs: []string{addr}, TLS: tls.Config})
	}
	good := secured(cluster.TLS{CAFile: ca.File, CertFile: client.CertFile, KeyFile: client.KeyFile})
	filled(t, good)
	if r := one(t, good, "a"); r.From != 1 {
		t.Errorf("over TLS: %v", r)
	}
	for what, s := range map[string]*store.Redis{
		"without a client certificate": secured(cluster.TLS{CAFile: ca.File}),
		"with an unknown CA":           secured(cluster.TLS{CAFile: testca.New(t).File, CertFile: client.CertFile, KeyFile: client.KeyFile}),
		"without TLS":                  open(t, store.Config{Addrs: []string{addr}}),
	} {
		if _, err := s.Check(t.Context()); !errors.As(err, new(*store.Unavailable)) {
			t.Errorf("%s: %v", what, err)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
}
