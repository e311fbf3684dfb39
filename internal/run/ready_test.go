package run

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
	standalone "github.com/spanway/spanway/services/engine"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/replicator"
	"github.com/spanway/spanway/services/scheduler"
)

// A service that was ready says so again and again, and not while no broker answers.
func TestReadinessComesAndGoes(t *testing.T) {
	kept := embedded.Config{DataDir: t.TempDir(), Port: porttest.Kept(t)}
	broker := startBroker(t, kept)
	defer func() { broker.Close() }()

	redis := startRedis(t, 0)
	defer redis.Close()
	services := allServices(redis)
	probes := map[string]string{}
	for name, run := range services {
		probes[name] = serveOne(t, broker.Addrs(), run)
	}
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
	}
	broker.Close()
	for name := range services {
		awaitReady(t, probes[name], http.StatusServiceUnavailable, name+" (")
		awaitReady(t, probes[name], http.StatusServiceUnavailable, "connection refused")
	}
	broker = startBroker(t, kept)
	for name := range services {
		awaitReady(t, probes[name], http.StatusOK, "ok")
	}
}

// runner runs a service until ctx ends.
type runner = func(context.Context, *cluster.Cluster, *telemetry.Telemetry) error

// allServices are all that spanway serve runs.
func allServices(redis *embedded.Redis) map[string]runner {
	services := map[string]runner{
		"scheduler": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			return Scheduler(ctx, scheduler.DefaultConfig(), scheduler.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)}, tel)
		},
		"engine": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			return Engine(ctx, c, standalone.Config{Engine: engine.Config{ID: "e", Grace: -1, Logger: slog.New(slog.DiscardHandler)}, Monitor: standalone.MonitorOff}, tel)
		},
	}
	maps.Copy(services, otherServices(redis))
	maps.Copy(services, managers())
	return services
}

// managers are those of a network, of which the global one has no sites.
func managers() map[string]runner {
	return map[string]runner{
		"global manager": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			none := func(string) (*cluster.Cluster, error) { return nil, errors.New("there is no site") }
			deps := manager.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)}
			return GlobalManager(ctx, manager.DefaultGlobalConfig(), deps, Delivering{Connect: none}, tel)
		},
		"local manager": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			return LocalManager(ctx, manager.DefaultLocalConfig(), manager.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)}, tel)
		},
	}
}

func startBroker(t *testing.T, kept embedded.Config) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(kept)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// serveOne runs a service until the test ends, and returns where it says whether it is ready.
func serveOne(t *testing.T, brokers []string, run runner) (url string) {
	t.Helper()
	return serveAt(t, cluster.Config{Brokers: brokers, Logger: slog.New(slog.DiscardHandler)}, run)
}

// serveAt is serveOne with a connection of one's own.
func serveAt(t *testing.T, at cluster.Config, run runner) (url string) {
	t.Helper()
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx, c, tel); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(tel.Handler())
	t.Cleanup(func() {
		server.Close()
		cancel()
		running.Wait()
		c.Close()
		_ = tel.Stop(context.Background())
	})
	return server.URL + "/readyz"
}

// awaitReady asks until the answer is as wanted.
func awaitReady(t *testing.T, url string, status int, text string) {
	t.Helper()
	awaitAnswer(t, url, status, regexp.MustCompile(regexp.QuoteMeta(text)))
}

// awaitAnswer is awaitReady with a pattern.
func awaitAnswer(t *testing.T, url string, status int, text *regexp.Regexp) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for late := time.After(90 * time.Second); ; {
		code, body := asked(t, url)
		if code == status && text.MatchString(body) {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%s answers %d %q; want %d and %q", url, code, body, status, text)
		}
	}
}

// asked is what a probe answers.
func asked(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(all)
}

// otherServices are those of logs that many write.
func otherServices(redis *embedded.Redis) map[string]runner {
	quiet := slog.New(slog.DiscardHandler)
	return map[string]runner{
		"allocator": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			cfg := allocator.DefaultConfig()
			cfg.Reconcile = 200 * time.Millisecond
			return Allocator(ctx, cfg, store.Config{Addrs: []string{redis.Addr()}}, allocator.Deps{Cluster: c, Logger: quiet}, tel)
		},
		"replicator": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			return Replicator(ctx, replicator.DefaultConfig(), replicator.Deps{Cluster: c, Logger: quiet}, tel)
		},
		"queues": func(ctx context.Context, c *cluster.Cluster, tel *telemetry.Telemetry) error {
			return Queues(ctx, c, queue.Options{Logger: quiet}, tel)
		},
	}
}

func startRedis(t *testing.T, port int) *embedded.Redis {
	t.Helper()
	r, err := embedded.StartRedis(port)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An allocator that cannot reach its Redis grants nothing, so it is not ready; the process
// lives, and is ready again with Redis.
func TestAllocatorIsNotReadyWithoutRedis(t *testing.T) {
	broker := startBroker(t, embedded.Config{})
	defer broker.Close()
	port := porttest.Kept(t)
	r := startRedis(t, port)
	defer func() { r.Close() }()
	probe := serveOne(t, broker.Addrs(), otherServices(r)["allocator"])
	live := strings.TrimSuffix(probe, "/readyz") + "/livez"
	awaitReady(t, probe, http.StatusOK, "ok")
	r.Close()
	awaitReady(t, probe, http.StatusServiceUnavailable, "allocator (check Redis")
	awaitReady(t, live, http.StatusOK, "ok")
	r = startRedis(t, port)
	awaitReady(t, probe, http.StatusOK, "ok")
}

// Redis is back soon after it is: while it is away it is looked at each second, by each
// allocator at another time.
func TestRedisIsLookedForSoon(t *testing.T) {
	if d := untilChecked(nil, time.Minute); d != time.Minute {
		t.Errorf("after a success it is looked at in %v", d)
	}
	away, pauses := errors.New("away"), map[time.Duration]bool{}
	for range 100 {
		d := untilChecked(away, time.Minute)
		if pauses[d] = true; d < 500*time.Millisecond || d > 1500*time.Millisecond {
			t.Errorf("after a failure it is looked at in %v", d)
		}
	}
	if len(pauses) < 2 {
		t.Error("all look at it at the same time")
	}
	if d := untilChecked(away, time.Millisecond); d != time.Millisecond {
		t.Errorf("after a failure it is looked at in %v, and else each millisecond", d)
	}
}

// Stop may be called by many at once: each returns when everything is down, once.
func TestStopByManyAtOnce(t *testing.T) {
	s, err := Start(t.Context(), Config{Engines: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var stopping sync.WaitGroup
	for range 8 {
		stopping.Go(func() {
			s.Stop()
			if err := s.Cluster().Check(t.Context()); err == nil {
				t.Error("Stop returned while the broker answers")
			}
		})
	}
	stopping.Wait()
}
