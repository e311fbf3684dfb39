package copying

import (
	"context"
	"errors"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// blind is a Target that shows nothing of its tail: the checkpoint alone tells where to go
// on.
type blind struct{ Target }

func (blind) Tail(_ context.Context, _, to int64) (mirror.Tail, error) {
	return mirror.Tail{Next: to}, nil
}

// pinned are Checkpoints that keep the first one of a copy: those of one that was killed
// before it could save the next.
type pinned struct{ Checkpoints }

func (p pinned) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if saved, err := p.Saved(ctx, id); saved != nil || err != nil {
		return err
	}
	return p.Checkpoints.Save(ctx, id, c)
}

// A build without the fence, and one that goes on from the checkpoint alone, must not pass
// the comparison that those above pass: it proves something only if it can fail.
func TestEmbeddedBrokenBuildsAreFound(t *testing.T) {
	source, target := embeddedBroker(t), embeddedBroker(t)
	t.Run("without the fence", func(t *testing.T) {
		p := newPair(t, source, target, "unfenced")
		p.produce(now(0, 2000)...)
		if err := zombieAppends(p, func(cfg Config) Config {
			cfg.Target = NewUnfencedTarget(p.target, p.to.Topic, 0)
			return cfg
		}); err != nil {
			t.Fatalf("the zombie was refused: %v", err)
		}
		if err := p.compared(1); err == nil {
			t.Error("the comparison finds no fault")
		} else {
			t.Log(err)
		}
	})
	t.Run("with it", func(t *testing.T) { // The same steps.
		p := newPair(t, source, target, "fenced")
		p.produce(now(0, 2000)...)
		var fenced *kafka.WriterFenced
		if err := zombieAppends(p, func(cfg Config) Config { return cfg }); !errors.As(err, &fenced) {
			t.Errorf("the zombie was answered %v", err)
		}
		p.compare(1)
	})
	for _, looks := range []bool{false, true} {
		name := "by the checkpoint alone"
		if looks {
			name = "by the tail, with the same checkpoint"
		}
		t.Run(name, func(t *testing.T) {
			p := newPair(t, source, target, map[bool]string{false: "blind", true: "looks"}[looks])
			for i := range 2 {
				p.produce(now(300*i, 300)...)
				cfg := p.config(untouched)
				if cfg.Checkpoints = (pinned{cfg.Checkpoints}); !looks {
					cfg.Target = blind{cfg.Target}
				}
				r := start(t, cfg)
				r.until("all is copied", next(int64(300*(i+1))))
				r.stop()
			}
			if err := p.compared(1); (err == nil) != looks {
				t.Errorf("the comparison says %v", err)
			} else {
				t.Log(err)
			}
		})
	}
}

// zombieAppends stops a Copier before its first append, lets another one copy all, and lets
// the first one go on: it returns what its append was answered.
func zombieAppends(p *pair, build func(Config) Config) error {
	p.t.Helper()
	cfg := build(p.config(untouched))
	g := newGate(cfg.Target)
	cfg.Target = g
	old := start(p.t, cfg)
	await(p.t, g.held, "an append")
	fresh := start(p.t, build(p.config(untouched)))
	fresh.until("all is copied", next(2000))
	fresh.stop()
	close(g.goOn)
	err := <-g.result
	old.stop()
	return err
}
