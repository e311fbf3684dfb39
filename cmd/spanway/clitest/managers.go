package clitest

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// Govern are sites with managers, the global one at the first, and engines that realise.
type Govern struct {
	*run.System
	// Config is the configuration file that names the sites.
	Config string

	mu      sync.Mutex
	refuses map[string]error // by path, what realising it ends with
}

// Refuse lets realising an object fail; nil lets it succeed.
func (g *Govern) Refuse(path string, err error) {
	if err != nil {
		err = engine.Final(err)
	}
	g.Fail(path, err)
}

// Fail lets each attempt at realising an object fail, after which it is tried again.
func (g *Govern) Fail(path string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses[path] = err
}

// StartGovern starts sites with managers, until the test ends.
func StartGovern(t *testing.T, sites ...string) *Govern {
	t.Helper()
	g := &Govern{System: StartSites(t, 0, sites...), refuses: map[string]error{}}
	var places []cli.Place
	for _, x := range g.Sites() {
		places = append(places, cli.Place{Site: x.Site, Kafka: x.Kafka})
		g.engine(t, x.Site, x.Kafka)
	}
	g.Config = filepath.Join(t.TempDir(), "config.yaml")
	if err := cli.WriteSites(g.Config, places); err != nil {
		t.Fatal(err)
	}
	Answers(t, g.Config)
	return g
}

// engine starts an engine that realises at a site, and waits until it is ready.
func (g *Govern) engine(t *testing.T, name, broker string) {
	t.Helper()
	e, err := engine.New(engine.Config{Brokers: []string{broker}, ID: "edge-" + name, Site: name, Labels: map[string]any{"role": "edge"}, Logger: slog.New(slog.DiscardHandler), Grace: -1})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle(site.DefaultKind, g.realise)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the engine of %s ended with: %v", name, err)
		}
	})
	select {
	case <-e.Ready():
	case <-t.Context().Done():
		t.Fatalf("the engine of %s is not ready", name)
	}
}

func (g *Govern) realise(_ context.Context, task *engine.Task) ([]byte, error) {
	m := &events.NetworkRealising{}
	if err := proto.Unmarshal(task.Payload, m); err != nil {
		return nil, engine.Final(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return nil, g.refuses[m.Path]
}
