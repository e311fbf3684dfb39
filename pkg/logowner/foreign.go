package logowner

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// own are the entries of the catalogue whose topics the program makes.
func (c *Config[I]) own() (out []events.Log) {
	for _, l := range c.Catalogue {
		if !l.Foreign {
			out = append(out, l)
		}
	}
	return out
}

// lookAgain is how long after it was missing a topic is looked for again.
const lookAgain = 500 * time.Millisecond

// awaitForeign waits for the inputs that other services make. One with another number of
// partitions than the catalogue says is an error.
func (s *Service[I]) awaitForeign(ctx context.Context) error {
	c, ok := s.cfg.Cluster.(interface {
		Partitions(ctx context.Context, topic string) (int32, error)
	})
	if !ok { // Then nobody makes topics.
		return nil
	}
	for _, in := range s.cfg.Inputs {
		entry, _ := s.cfg.entry(in.Topic)
		if !entry.Foreign {
			continue
		}
		if err := s.awaitTopic(ctx, entry, c.Partitions); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service[I]) awaitTopic(ctx context.Context, entry events.Log, partitions func(context.Context, string) (int32, error)) error {
	try := s.board.New("wait for the input " + entry.Topic)
	defer try.End()
	for {
		n, err := partitions(ctx, entry.Topic)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !eventlog.IsUnavailable(err):
			return fmt.Errorf("look for the input %s: %w", entry.Topic, err)
		case err == nil && n == entry.Partitions:
			return nil
		case err == nil && n > 0:
			return fmt.Errorf("the input %s has %d partitions, and %d are expected; look for a service of another version that has made it", entry.Topic, n, entry.Partitions)
		case err == nil:
			err = fmt.Errorf("there is no topic %s; start the service that makes it", entry.Topic)
		}
		if !try.Again(ctx, err, lookAgain) {
			return ctx.Err()
		}
	}
}
