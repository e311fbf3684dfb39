package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/services/allocator/store"
)

const spaceName = "spi"

var spi = store.Space{Name: spaceName, From: 1, To: 1 << 24, Next: 1}

// figures reads what a store measures.
type figures struct{ reader *metric.ManualReader }

func newFigures(c *store.Config) figures {
	f := figures{metric.NewManualReader()}
	c.Meter = metric.NewMeterProvider(metric.WithReader(f.reader)).Meter("test")
	return f
}

func (f figures) count(t *testing.T, name string) (n int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := f.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if m.Name != "spanway.allocator.store."+name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					n += p.Value
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					n += p.Value
				}
			}
		}
	}
	return n
}

// of counts what has a reason.
func (f figures) of(t *testing.T, name, reason string) (n int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := f.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			if !ok || m.Name != "spanway.allocator.store."+name {
				continue
			}
			for _, p := range sum.DataPoints {
				if got, _ := p.Attributes.Value("reason"); got.AsString() == reason {
					n += p.Value
				}
			}
		}
	}
	return n
}

func one(t *testing.T, s *store.Redis, id string) store.Range {
	t.Helper()
	out, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: id, Count: 1}}})
	if err != nil || !out[0].Found {
		t.Fatalf("propose one for %s: %v %v", id, out, err)
	}
	return out[0].Range
}

func filled(t *testing.T, s *store.Redis) {
	t.Helper()
	if _, err := s.Fill(t.Context(), spi, nil); err != nil {
		t.Fatal(err)
	}
}

// Of two stores that change one space at once, one meets a conflict, and both get all that
// they want.
func TestConflictsAreTriedAgain(t *testing.T) { conflicts(t, miniredis.RunT(t).Addr()) }

func TestConflictsAreTriedAgainOnRealRedis(t *testing.T) { conflicts(t, redistest.Start(t).Addr()) }

func conflicts(t *testing.T, addr string) {
	t.Helper()
	proxy := redistest.NewProxy(t, addr)
	c := store.Config{Addrs: []string{proxy.Addr()}}
	measured := newFigures(&c)
	slow, quick := open(t, c), open(t, store.Config{Addrs: []string{addr}})
	filled(t, quick)
	var first store.Range
	var met sync.Once
	proxy.BeforeExec(func() { met.Do(func() { first = one(t, quick, "quick") }) })
	if second := one(t, slow, "slow"); first.From != 1 || second.From != 2 {
		t.Errorf("the ranges are %v and %v, want 1 and then 2", first, second)
	}
	if tries, met := measured.count(t, "attempts"), measured.count(t, "conflicts"); tries != 2 || met != 1 {
		t.Errorf("%d attempts, %d conflicts; want 2 and 1", tries, met)
	}
}

// What reads and writes nothing leaves no watch behind, on a connection that is used again.
func TestRealRedisAWatchEndsWithItsChange(t *testing.T) {
	addr := redistest.Start(t).Addr()
	c := store.Config{Addrs: []string{addr}, PoolSize: 1}
	measured := newFigures(&c)
	s, other := open(t, c), open(t, store.Config{Addrs: []string{addr}})
	filled(t, other)
	if held, err := s.Holds(t.Context(), spaceName); err != nil || !held.Known {
		t.Fatalf("%+v %v", held, err)
	}
	one(t, other, "other")
	if r := one(t, s, "mine"); r.From != 2 || measured.count(t, "conflicts") != 0 {
		t.Errorf("%v, with %d conflicts; want 2, and none", r, measured.count(t, "conflicts"))
	}
}

// An EXEC without an answer was made: its request gets the same range, and nothing is lost.
func TestTheAnswerOfExecIsLost(t *testing.T) { loseExec(t, miniredis.RunT(t).Addr()) }

func TestTheAnswerOfExecIsLostByRealRedis(t *testing.T) { loseExec(t, redistest.Start(t).Addr()) }

func loseExec(t *testing.T, addr string) {
	proxy := redistest.NewProxy(t, addr)
	c := store.Config{Addrs: []string{proxy.Addr()}}
	measured := newFigures(&c)
	s := open(t, c)
	filled(t, s)
	proxy.LoseExec(1)
	if r := one(t, s, "a"); r.From != 1 || !proxy.Lost() || measured.count(t, "failures") != 1 {
		t.Errorf("a got %v with %d failures, lost %v", r, measured.count(t, "failures"), proxy.Lost())
	}
	if r := one(t, s, "b"); r.From != 2 {
		t.Errorf("b got %v: something is held that nothing asked for", r)
	}
	proxy.LoseExec(3) // As often as a change is tried.
	var gone *store.Unavailable
	if _, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: "c", Count: 1}}}); err != nil && !errors.As(err, &gone) {
		t.Errorf("no answer at all: %v", err)
	}
	proxy.LoseExec(0)
	if r := one(t, s, "c"); r.From != 3 {
		t.Errorf("c got %v", r)
	}
}

// More spaces change at once than there are connections.
func TestConnectionsAreFewerThanChanges(t *testing.T) {
	s := open(t, store.Config{Addrs: []string{miniredis.RunT(t).Addr()}, PoolSize: 2, Timeout: time.Minute})
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			space := store.Space{Name: fmt.Sprint(i), From: 1, To: 9, Next: 1}
			if _, err := s.Fill(t.Context(), space, nil); err != nil {
				t.Error(err)
				return
			}
			for j := range 5 {
				if _, err := s.Propose(t.Context(), store.Batch{Space: space, Wants: []store.Want{{RequestID: fmt.Sprint(j), Count: 1}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// A Redis that fails is left alone for a moment, and used again when it is back.
func TestTheCircuitRecovers(t *testing.T) {
	server := miniredis.RunT(t)
	c := store.Config{Addrs: []string{server.Addr()}, Pause: 20 * time.Millisecond}
	measured := newFigures(&c)
	s := open(t, c)
	filled(t, s)
	server.SetError("LOADING Redis is loading the dataset in memory")
	opened := false
	for !opened {
		_, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: "a", Count: 1}}})
		var gone *store.Unavailable
		if !errors.As(err, &gone) {
			t.Fatalf("a Redis that fails: %v", err)
		}
		opened = strings.Contains(err.Error(), "left alone")
	}
	if measured.count(t, "circuit.open") != 1 {
		t.Error("an open circuit is not measured")
	}
	server.SetError("")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if _, err := s.Propose(ctx, store.Batch{Space: spi, Wants: []store.Want{{RequestID: "a", Count: 1}}}); err == nil {
			break
		}
	}
	if ctx.Err() != nil || measured.count(t, "circuit.open") != 0 {
		t.Error("the circuit does not close again")
	}
}

// A change is given up when ctx ends, and after so many conflicts.
func TestContextEnds(t *testing.T) {
	s := open(t, store.Config{Addrs: []string{miniredis.RunT(t).Addr()}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Fill(ctx, spi, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// The password is read for each new connection.
func TestThePasswordIsReadAgain(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("allocator", "one")
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	s := open(t, store.Config{Addrs: []string{server.Addr()}, Username: "allocator", PasswordFile: file})
	filled(t, s)
	server.RequireUserAuth("allocator", "two")
	write("two")
	server.Server().Close() // Its connections, too; Miniredis.Close races with INFO.
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(time.Minute); time.Now().Before(late); { // Connections of before are found broken.
		if _, err := s.Fill(t.Context(), spi, nil); err == nil {
			return
		}
	}
	t.Error("the new password is not used")
}

// All is lost between WATCH and EXEC, or later: the space is unknown, never silently new.
func TestRealRedisLosesAll(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, store.Config{Addrs: []string{server.Addr()}})
	filled(t, s)
	one(t, s, "a")
	if err := server.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: "b", Count: 1}}})
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a Redis that lost all: %v", err)
	}
}

// An old dump proposes what was proposed since: that is what Fill mends.
func TestRealRedisRestoresAnOldDump(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, store.Config{Addrs: []string{server.Addr()}})
	filled(t, s)
	one(t, s, "a")
	dump := server.Dump()
	if r := one(t, s, "b"); r.From != 2 {
		t.Fatalf("b got %v", r)
	}
	server.Restore(dump)
	var again store.Range
	for i := 0; again.From == 0; i++ { // Connections of before are found broken.
		out, err := s.Propose(t.Context(), store.Batch{Space: spi, Wants: []store.Want{{RequestID: "c", Count: 1}}})
		if err == nil {
			again = out[0].Range
		} else if i == 20 {
			t.Fatal(err)
		}
	}
	if again.From != 2 {
		t.Errorf("an old dump proposes %v", again)
	}
	if _, err := s.Fill(t.Context(), store.Space{Name: spaceName, From: 1, To: spi.To, Next: 3}, nil); err != nil {
		t.Fatal(err)
	}
	if r := one(t, s, "c"); r.From < 3 {
		t.Errorf("after it was filled: %v", r)
	}
}

func TestRealRedisSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		args  []string
		wants []string
	}{
		{[]string{"--appendonly", "yes"}, nil},
		{[]string{"--appendonly", "no"}, []string{"appendonly of Redis is no, so when it restarts all is lost"}},
		{[]string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}, []string{"maxmemory-policy of Redis is allkeys-lru"}},
	} {
		config := store.Config{Addrs: []string{redistest.Start(t, c.args...).Addr()}}
		measured := newFigures(&config)
		warnings, err := open(t, config).Check(t.Context())
		if err != nil || len(warnings) != len(c.wants) || measured.count(t, "unsafe") != int64(len(c.wants)) {
			t.Errorf("%v: %q %v, %d measured", c.args, warnings, err, measured.count(t, "unsafe"))
			continue
		}
		for i, want := range c.wants {
			if !strings.HasPrefix(warnings[i], want) {
				t.Errorf("%v: %q", c.args, warnings[i])
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for want, c := range map[string]store.Config{
		"Addrs is empty": {},
		"host:port":      {Addrs: []string{"redis"}},
		"Pause":          {Addrs: []string{"redis:1"}, Pause: -1},
		"only 0":         {Addrs: []string{"redis:1"}, Cluster: true, Database: 1},
		"Sentinels":      {Addrs: []string{"redis:1"}, Cluster: true, Master: "m"},
	} {
		if _, err := store.Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
