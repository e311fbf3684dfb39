package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/services/allocator/store"
)

func want(id string) store.Batch {
	return store.Batch{Space: spi, Wants: []store.Want{{RequestID: id, Count: 1}}}
}

// refuses wants a change to fail for a reason, which the error names with a remedy; it was
// tried three times, and met nobody.
func refuses(t *testing.T, s *store.Redis, measured figures, reason, remedy string) {
	t.Helper()
	attempts, conflicts := measured.count(t, "attempts"), measured.count(t, "conflicts")
	_, err := s.Propose(t.Context(), want("refused"))
	if !errors.As(err, new(*store.Unavailable)) || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), remedy) {
		t.Errorf("%s: %v", reason, err)
	}
	if n := measured.count(t, "attempts") - attempts; n != 3 || measured.count(t, "conflicts") != conflicts {
		t.Errorf("%s: %d attempts, %d conflicts", reason, n, measured.count(t, "conflicts")-conflicts)
	}
	if measured.of(t, "failures", reason) != 3 {
		t.Errorf("%s: %d failures are counted", reason, measured.of(t, "failures", reason))
	}
}

// recovers wants changes to be made again, within a minute, and the circuit to be closed.
func recovers(t *testing.T, s *store.Redis, measured figures) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := s.Propose(ctx, want("recovered")); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatalf("it does not recover: %v", err)
		}
	}
	if measured.count(t, "circuit.open") != 0 {
		t.Error("the circuit is open")
	}
}

// What a server answers that loads, lost its cluster or its master, and so on.
func TestRefusalsAreTold(t *testing.T) {
	for answer, remedy := range map[string]string{
		"LOADING Redis is loading the dataset in memory":             "loads what it has",
		"CLUSTERDOWN The cluster is down":                            "CLUSTER INFO",
		"MASTERDOWN Link with MASTER is down":                        "name the master",
		"READONLY You can't write against a read only replica.":      "is a replica",
		"OOM command not allowed when used memory > 'maxmemory'.":    "maxmemory",
		"NOAUTH Authentication required.":                            "--redis-password-file",
		"MISCONF Redis is configured to save RDB snapshots":          "",
		"ERR max number of clients reached":                          "",
		"-lower case is no reason that could be counted by its name": "",
	} {
		server := miniredis.RunT(t)
		c := store.Config{Addrs: []string{server.Addr()}, Pause: 10 * time.Millisecond}
		measured := newFigures(&c)
		s := open(t, c)
		filled(t, s)
		server.SetError(answer)
		reason, _, _ := strings.Cut(answer, " ")
		if reason == "-lower" {
			reason = "ERR"
			refusesAs(t, s, measured, reason)
		} else {
			refuses(t, s, measured, reason, remedy)
		}
		server.SetError("")
		recovers(t, s, measured)
	}
}

func refusesAs(t *testing.T, s *store.Redis, measured figures, reason string) {
	t.Helper()
	if _, err := s.Propose(t.Context(), want("refused")); err == nil || measured.of(t, "failures", reason) != 3 {
		t.Errorf("%v, %d failures are counted as %s", err, measured.of(t, "failures", reason), reason)
	}
}

// The same of real servers, as far as one can be brought into that state.
func TestRealRedisRefuses(t *testing.T) {
	nowhere := []any{"REPLICAOF", "127.0.0.1", redistest.Port(redistest.FreeAddr(t))}
	alone := []any{"REPLICAOF", "NO", "ONE"}
	for _, c := range []struct {
		reason, remedy string
		breaks, mends  [][]any
	}{
		{"OOM", "raise maxmemory", [][]any{{"CONFIG", "SET", "maxmemory", "1"}}, [][]any{{"CONFIG", "SET", "maxmemory", "0"}}},
		{"READONLY", "name the master", [][]any{nowhere}, [][]any{alone}},
		{"MASTERDOWN", "name the master", [][]any{{"CONFIG", "SET", "replica-serve-stale-data", "no"}, nowhere}, [][]any{alone}},
	} {
		server := redistest.Start(t)
		admin := server.Client()
		config := store.Config{Addrs: []string{server.Addr()}, Pause: 10 * time.Millisecond}
		measured := newFigures(&config)
		s := open(t, config)
		filled(t, s)
		tell(t, admin, c.breaks)
		refuses(t, s, measured, c.reason, c.remedy)
		tell(t, admin, c.mends)
		recovers(t, s, measured)
	}
}

func tell(t *testing.T, admin *redis.Client, commands [][]any) {
	t.Helper()
	for _, command := range commands {
		if err := admin.Do(context.Background(), command...).Err(); err != nil {
			t.Fatalf("%v: %v", command, err)
		}
	}
}

// behind is a store behind a proxy, with an administrator of the server.
func behind(t *testing.T) (*store.Redis, *redistest.Proxy, *redis.Client, figures) {
	t.Helper()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	c := store.Config{Addrs: []string{proxy.Addr()}}
	measured := newFigures(&c)
	s := open(t, c)
	filled(t, s)
	return s, proxy, server.Client(), measured
}

// Others change the space each time: that ends with the budget, and is no failure of Redis.
func TestRealRedisIsContended(t *testing.T) {
	s, proxy, admin, measured := behind(t)
	proxy.BeforeExec(func() {
		if err := admin.HIncrBy(context.Background(), key, "other", 1).Err(); err != nil {
			t.Error(err)
		}
	})
	_, err := s.Propose(t.Context(), want("a"))
	var contended *store.Contended
	if !errors.As(err, &contended) || contended.Tries != 64 {
		t.Errorf("a space that others change: %v", err)
	}
	for name, want := range map[string]int64{"conflicts": 64, "budget_exhausted": 1, "failures": 0, "circuit.open": 0} {
		if got := measured.count(t, name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	proxy.BeforeExec(nil)
	if r := one(t, s, "a"); r.From != 1 {
		t.Errorf("after that: %v", r)
	}
}

// All is lost between WATCH and EXEC, or the key alone: nothing is written into the hole.
func TestRealRedisLosesAllBeforeExec(t *testing.T) {
	for _, command := range [][]any{{"FLUSHALL"}, {"DEL", key}, {"UNLINK", key}, {"PEXPIREAT", key, 1}} {
		s, proxy, admin, measured := behind(t)
		proxy.BeforeExec(func() { tell(t, admin, [][]any{command}) })
		_, err := s.Propose(t.Context(), want("a"))
		if !errors.Is(err, store.ErrUnknown) || measured.count(t, "conflicts") != 1 {
			t.Errorf("%v: %v, %d conflicts", command, err, measured.count(t, "conflicts"))
		}
		if n := admin.Exists(t.Context(), key).Val(); n != 0 {
			t.Errorf("%v: something was written", command)
		}
	}
}

const key = "spanway.ids.{spi}"

// What is not a hash is replaced once the log says what belongs there, and not before.
func TestRealRedisHoldsSomethingElse(t *testing.T) {
	for _, command := range [][]any{{"SET", key, "x"}, {"LPUSH", key, "x"}, {"ZADD", key, 1, "x"}} {
		server := redistest.Start(t)
		c := store.Config{Addrs: []string{server.Addr()}}
		measured := newFigures(&c)
		s := open(t, c)
		tell(t, server.Client(), [][]any{command})
		if _, err := s.Propose(t.Context(), want("a")); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("%v: %v", command, err)
		}
		if n := measured.count(t, "replaced"); n != 0 {
			t.Errorf("%v: it was replaced by a proposal", command)
		}
		filled(t, s)
		if r := one(t, s, "a"); r.From != 1 || measured.count(t, "replaced") != 1 || measured.count(t, "failures") != 0 {
			t.Errorf("%v: %v, replaced %d times, %d failures", command, r, measured.count(t, "replaced"), measured.count(t, "failures"))
		}
	}
}
