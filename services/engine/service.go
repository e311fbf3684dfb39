package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/services/engine/call"
	"github.com/spanway/spanway/services/engine/command"
	"github.com/spanway/spanway/services/engine/guard"
)

// KindNoop is the kind of tasks that do nothing.
const KindNoop = "noop"

// MaybeGuard never returns if this process was started to guard a command, and
// does nothing otherwise. A main calls it before anything else.
func MaybeGuard() { guard.MaybeRun() }

// Deps are what the service is given.
type Deps struct {
	// Cluster is a connection to share; nil makes one from Config.Engine.Brokers.
	Cluster *cluster.Cluster
}

// Service is a stand-alone engine. Make one with New, run it once.
type Service struct {
	engine *engine.Engine
	caller *caller
}

// New checks the configuration and finds the commands that exec may run;
// nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	var options []engine.Option
	if deps.Cluster != nil {
		cfg.Engine.Brokers = deps.Cluster.Brokers()
		options = append(options, engine.WithCluster(deps.Cluster))
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	commands, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	caller, err := newCaller(cfg.HTTPAllow)
	if err != nil {
		return nil, err
	}
	config, err := cfg.withHost()
	if err != nil {
		return nil, err
	}
	if config.Monitor, err = cfg.monitor(); err != nil {
		return nil, err
	}
	e, err := engine.New(config, options...)
	if err != nil {
		return nil, err
	}
	x := &executor{allowed: commands, path: os.Getenv("PATH")}
	for kind, handle := range executors(x, caller) {
		if kind == call.Kind && len(cfg.HTTPAllow) == 0 || kind == command.Kind && len(commands) == 0 {
			continue
		}
		e.Handle(kind, handle)
	}
	for kind, handle := range cfg.Handlers {
		e.Handle(kind, handle)
	}
	for kind, by := range cfg.By {
		handle, err := by.handler(x.path)
		if err != nil {
			return nil, err
		}
		e.Handle(kind, handle)
	}
	return &Service{engine: e, caller: caller}, nil
}

// executors are the handlers of all kinds.
func executors(x *executor, c *caller) map[string]engine.Handler {
	return map[string]engine.Handler{
		KindNoop:     func(context.Context, *engine.Task) ([]byte, error) { return nil, nil },
		command.Kind: x.run,
		call.Kind:    c.run,
	}
}

// Kinds are the kinds of tasks for which a stand-alone engine has an executor, sorted.
// Its configuration may leave some out.
func Kinds() []string { return slices.Sorted(maps.Keys(executors(nil, nil))) }

// Ready is closed when the scheduler knows the engine.
func (s *Service) Ready() <-chan struct{} { return s.engine.Ready() }

// Trouble is what keeps the engine from its work now; nil if nothing does.
func (s *Service) Trouble() error { return s.engine.Trouble() }

// Run executes tasks until ctx ends, then drains and returns nil. It returns an
// error only if the engine cannot run, such as when another process took its ID.
func (s *Service) Run(ctx context.Context) error {
	defer s.caller.close()
	if err := s.engine.Run(ctx); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}
