package run

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// programs are those of a secured system: each has a user, of the name of its role, and a
// connection.
type programs struct {
	t       *testing.T
	brokers []string
	ca      *testca.Authority
	log     *slog.Logger // nil discards
}

const partsPassword = "hunter2-do-not-show"

func (p *programs) open(user string) *cluster.Cluster {
	p.t.Helper()
	file := p.t.TempDir() + "/password"
	if err := os.WriteFile(file, []byte(partsPassword), 0o600); err != nil {
		p.t.Fatal(err)
	}
	log := p.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c, err := cluster.Open(cluster.Config{
		Brokers: p.brokers, Logger: log, TLS: cluster.TLS{CAFile: p.ca.File},
		SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: user, PasswordFile: file},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return c
}

// succeed runs a scheduler, an engine and a client until a task has run.
func (p *programs) succeed() {
	p.t.Helper()
	ctx, stop := context.WithCancel(p.t.Context())
	quiet := slog.New(slog.DiscardHandler)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	config := scheduler.DefaultConfig()
	config.Instance = "s1"
	config.Logs.SnapshotEvents = 1 // deletes what snapshots hold, too
	s, err := scheduler.New(config, scheduler.Deps{Cluster: p.open("scheduler"), Logger: quiet})
	if err != nil {
		p.t.Fatal(err)
	}
	run := func(name string, run func(context.Context) error) {
		running.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				p.t.Errorf("the %s ended: %v", name, err)
				stop()
			}
		})
	}
	run("scheduler", s.Run)
	select {
	case <-s.Ready():
	case <-ctx.Done():
		return
	}
	e, err := engine.New(engine.Config{ID: "e1", Logger: quiet}, engine.WithCluster(p.open("engine")))
	if err != nil {
		p.t.Fatal(err)
	}
	e.Handle("echo", func(_ context.Context, t *engine.Task) ([]byte, error) { return t.Payload, nil })
	run("engine", e.Run)
	c, err := client.New(client.Config{Cluster: p.open("client")})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	if err := c.Check(ctx); err != nil {
		p.t.Fatal(err)
	}
	for _, id := range []events.TaskID{"one", "two"} {
		within, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		result, err := c.Do(within, client.Task{ID: id, Kind: "echo", Payload: []byte("hello")})
		if err != nil || string(result.Data) != "hello" {
			p.t.Errorf("task %s: %+v, %v", id, result, err)
		}
	}
}

func TestEmbeddedSecured(t *testing.T) {
	ca := testca.New(t)
	server := ca.Server(ca.Issue("broker", time.Now().Add(time.Hour)), false)
	users := make([]embedded.User, 0, 3)
	for _, role := range events.Roles() {
		users = append(users, embedded.User{Mechanism: cluster.ScramSHA512, Name: string(role), Password: partsPassword, Super: true})
	}
	b, err := embedded.Start(embedded.Config{TLS: server, Users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	(&programs{t: t, brokers: b.Addrs(), ca: ca}).succeed()
}

// A task runs on a real Kafka with SASL_SSL where each program has the rights that
// deploy/acls/acls.sh gives it, and no other.
func TestApacheSecured(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) {
			g := guard(t, version)
			g.scripted(t, "scheduler=scheduler", "engine=User:engine", "client=User:client")
			p := &programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca}
			p.succeed()
			// An engine's user is no scheduler.
			s, err := scheduler.New(scheduler.DefaultConfig(), scheduler.Deps{Cluster: p.open("engine")})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Run(t.Context())
			var denied *cluster.Denied
			if !errors.As(err, &denied) || !strings.Contains(err.Error(), "User:engine lacks the right") {
				t.Errorf("a scheduler as the engine's user ended with %v, want *Denied", err)
			}
			t.Log(err)
		})
	}
}
