package run

import (
	"context"

	"github.com/spanway/spanway/pkg/engine"
)

func newEngine(s *System, cfg Config, id string) (*engine.Engine, error) {
	e, err := engine.New(engine.Config{
		Brokers: s.Brokers(), Prefix: cfg.Prefix, ID: id, Site: cfg.Site, TTL: cfg.EngineTTL, Grace: engineGrace, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	e.Handle("noop", func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	return e, nil
}
