package allocator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

func TestMain(m *testing.M) {
	store.LogTo(slog.New(slog.DiscardHandler)) // Errors say what matters of it.
	goleak.VerifyTestMain(m)
}

func connect(t *testing.T) (c *cluster.Cluster, release func()) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = cluster.Open(cluster.Config{Brokers: b.Addrs()}); err != nil {
		t.Fatal(err)
	}
	return c, func() {
		c.Close()
		b.Close()
	}
}

func newService(t *testing.T, c *cluster.Cluster, s allocator.Store, change func(*allocator.Config)) *allocator.Service {
	t.Helper()
	cfg := allocator.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	a, err := allocator.New(cfg, allocator.Deps{Cluster: c, Store: s, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs a service until the test ends.
func run(t *testing.T, a *allocator.Service) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the allocator ended with %v", err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-ended:
		ended <- err
		t.Fatalf("the allocator ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the allocator is not ready in time")
	}
}

// system is a broker with allocators, each on a store. All of them serve when it returns.
func system(t *testing.T, change func(*allocator.Config), stores ...allocator.Store) (*cluster.Cluster, *ids.Client) {
	t.Helper()
	c, release := connect(t)
	t.Cleanup(release)
	var all []*proposing
	for _, s := range stores {
		p := &proposing{Store: s}
		all = append(all, p)
		run(t, newService(t, c, p, change))
	}
	i := client(t, c)
	if len(all) > 1 {
		share(t, i, all)
	}
	return c, i
}

// proposing is a store that counts how often it proposes.
type proposing struct {
	allocator.Store
	n atomic.Int64
}

func (p *proposing) Propose(ctx context.Context, b store.Batch) ([]store.Proposal, error) {
	p.n.Add(1)
	return p.Store.Propose(ctx, b)
}

// share waits until each allocator has requests to serve: an allocator is ready before the
// group has given it its share.
func share(t *testing.T, i *ids.Client, all []*proposing) {
	t.Helper()
	must(t, i.Declare(t.Context(), ids.Rules{Space: "shared", From: 1, To: 1 << 30}))
	until(t, "each allocator serves", func() bool {
		if _, err := i.Grant(t.Context(), ids.Want{Space: "shared"}); err != nil {
			refused(t, err, events.CodeStoreUnavailable)
		}
		return !slices.ContainsFunc(all, func(p *proposing) bool { return p.n.Load() == 0 })
	})
}

func opened(t *testing.T, addr string) *store.Redis {
	t.Helper()
	s, err := store.Open(store.Config{Addrs: []string{addr}, Pause: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStartsAndStops(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		c, release := connect(t)
		return newService(t, c, store.NewMemory(), nil), release
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused wants a refusal with a code.
func refused(t *testing.T, err error, code events.Code) *ids.Refused {
	t.Helper()
	var r *ids.Refused
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("%v, want a refusal with %s", err, code)
		return &ids.Refused{}
	}
	if r.Text == "" {
		t.Errorf("%s without a text", code)
	}
	return r
}

// A day in the life of a space: each command, and what each refuses.
func TestCommands(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	ctx := t.Context()
	_, err := c.Grant(ctx, ids.Want{Space: "spi"})
	refused(t, err, events.CodeUnknownSpace)
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 100, MaxCount: 50, Quarantine: -1}))
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 100, MaxCount: 50, Quarantine: -1}))
	refused(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 200}), events.CodeSpaceExists)
	refused(t, c.Create(ctx, ids.Rules{Space: "bad", From: 10, To: 1}), events.CodeBadData)

	a, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "me"})
	must(t, err)
	again, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 10, RequestID: "a", Owner: "me"})
	must(t, err)
	same := proto.Equal(a.Event, again.Event)
	if a.Event, again.Event = nil, nil; a.From != 1 || a.To != 10 || again != a || !same {
		t.Errorf("%+v, then %+v", a, again)
	}
	_, err = c.Grant(ctx, ids.Want{Space: "spi", Count: 11, RequestID: "a", Owner: "me"})
	refused(t, err, events.CodeRequestMismatch)
	for _, count := range []int64{-1, 51} {
		_, err = c.Grant(ctx, ids.Want{Space: "spi", Count: count})
		refused(t, err, events.CodeBadCount)
	}
	_, err = c.Grant(ctx, ids.Want{Space: "spi", Lease: time.Nanosecond})
	refused(t, err, events.CodeBadData)
	_, err = c.Grant(ctx, ids.Want{Space: "spi", RequestID: "no\nline"})
	refused(t, err, events.CodeBadData)

	_, err = c.Reserve(ctx, ids.Want{Space: "spi"}, 5, 12)
	refused(t, err, events.CodeRangeTaken)
	_, err = c.Reserve(ctx, ids.Want{Space: "spi"}, 95, 101)
	refused(t, err, events.CodeOutOfBounds)
	r, err := c.Reserve(ctx, ids.Want{Space: "spi", RequestID: "r", Owner: "me"}, 11, 20)
	must(t, err)
	b, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 40, RequestID: "b", Owner: "me"})
	must(t, err)
	if b.From != 21 {
		t.Errorf("beside what is reserved: %+v", b)
	}
	_, err = c.Grant(ctx, ids.Want{Space: "spi", Count: 50})
	if room := refused(t, err, events.CodeExhausted).Room; room.GetSize() != 100 || room.GetFree() != 40 || room.GetLargestFree() != 40 || room.GetOffset() < 1 {
		t.Errorf("the room of an exhausted space: %v", room)
	}
	must(t, c.Grow(ctx, "spi", 110))
	refused(t, c.Grow(ctx, "spi", 90), events.CodeOutOfBounds)
	big, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 50})
	must(t, err)
	if big.From != 61 || big.To != 110 {
		t.Errorf("in what has grown: %+v", big)
	}

	renewed, err := c.Renew(ctx, a, time.Hour)
	must(t, err)
	if left := time.Until(renewed.Until); left < 59*time.Minute || left > time.Hour {
		t.Errorf("a lease of an hour ends in %v", left)
	}
	_, err = c.Renew(ctx, ids.Grant{Space: "spi", RequestID: "a", Owner: "other"}, time.Hour)
	refused(t, err, events.CodeNotOwner)
	refused(t, c.Release(ctx, ids.Grant{Space: "spi", RequestID: "x"}), events.CodeUnknownGrant)
	must(t, c.ReleasePart(ctx, b, 31, 40))
	must(t, c.Release(ctx, r))
	refused(t, c.Release(ctx, r), events.CodeGrantEnded)
	refused(t, c.Delete(ctx, "spi", false), events.CodeSpaceHeld)
	must(t, c.Delete(ctx, "spi", true))
	refused(t, c.Delete(ctx, "spi", true), events.CodeUnknownSpace)
}

// grants asks from many goroutines, and returns what was granted: no identifier twice.
func grants(t *testing.T, c *ids.Client, callers, each int, count int64, between func(n int)) map[int64]string {
	t.Helper()
	var mu sync.Mutex
	seen, n := map[int64]string{}, 0
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for j := range each {
				id := fmt.Sprintf("%d-%d", i, j)
				g, err := c.Grant(t.Context(), ids.Want{Space: "spi", Count: count, RequestID: id})
				if err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				mu.Lock()
				for x := g.From; x <= g.To; x++ {
					if of, taken := seen[x]; taken {
						t.Errorf("%d is granted to %s and to %s", x, of, id)
					}
					seen[x] = id
				}
				n++
				if between != nil {
					between(n)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != callers*each*int(count) && !t.Failed() {
		t.Errorf("%d identifiers were granted", len(seen))
	}
	return seen
}

// Two allocators serve one space, and meet in the store.
func TestTwoAllocators(t *testing.T) {
	server := miniredis.RunT(t)
	_, c := system(t, nil, opened(t, server.Addr()), opened(t, server.Addr()))
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	seen := grants(t, c, 32, 10, 3, nil)
	if len(seen) > 0 && !t.Failed() && seen[1] == "" {
		t.Errorf("1 is not granted")
	}
}

// Two allocators that do not know of each other's store propose the same: the log refuses
// one of them, and both go on.
func TestTheLogDisposes(t *testing.T) {
	_, c := system(t, nil, store.NewMemory(), store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	grants(t, c, 16, 10, 3, nil)
}

func TestTheStoreForgets(t *testing.T) {
	server := miniredis.RunT(t)
	_, c := system(t, nil, opened(t, server.Addr()), opened(t, server.Addr()))
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	grants(t, c, 8, 20, 3, func(n int) {
		if n%40 == 0 {
			server.FlushAll()
		}
	})
}

func TestRealRedisForgets(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client()
	_, c := system(t, nil, opened(t, server.Addr()), opened(t, server.Addr()))
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	var dump []byte
	grants(t, c, 8, 30, 3, func(n int) {
		switch n {
		case 40:
			dump = server.Dump()
		case 100:
			if err := admin.FlushAll(context.Background()).Err(); err != nil {
				t.Error(err)
			}
		case 160:
			server.Restore(dump)
		}
	})
}

// While the store is away requests are refused, and granted when it is back.
func TestTheStoreIsAway(t *testing.T) {
	server := miniredis.RunT(t)
	_, c := system(t, func(c *allocator.Config) { c.Patience = 100 * time.Millisecond }, opened(t, server.Addr()))
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	server.SetError("ERR away")
	_, err := c.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
	refused(t, err, events.CodeStoreUnavailable)
	server.SetError("")
	if g := granted(t, c, ids.Want{Space: "spi", RequestID: "a"}); g.From != 1 {
		t.Errorf("%+v", g)
	}
}

// granted asks until the store is used: for little patience a slow machine has none at times.
func granted(t *testing.T, c *ids.Client, want ids.Want) (g ids.Grant) {
	t.Helper()
	until(t, "the store is used", func() (granted bool) {
		var err error
		if g, err = c.Grant(t.Context(), want); err != nil {
			refused(t, err, events.CodeStoreUnavailable)
		}
		return err == nil
	})
	return g
}

// What was released is granted again although the store was not told: it is filled before
// a space counts as exhausted.
func TestAFullSpaceIsUsedAgain(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 10, Quarantine: -1}))
	all, err := c.Grant(t.Context(), ids.Want{Space: "spi", Count: 10, Owner: "me"})
	must(t, err)
	must(t, c.ReleasePart(t.Context(), all, 4, 6))
	for began := time.Now(); ; { // It rests until the time of the log moves on.
		g, err := c.Grant(t.Context(), ids.Want{Space: "spi", Count: 3})
		if err == nil {
			if g.From != 4 || g.Generation != 1 {
				t.Errorf("%+v", g)
			}
			return
		}
		refused(t, err, events.CodeExhausted)
		if time.Since(began) > time.Minute {
			t.Fatal("what was released is not granted in time")
		}
	}
}
