package copying

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// saving is a checkpoint that is saved while copying goes on: a copy that waited for it would
// be late by that once a second.
type saving struct {
	before mirror.Checkpoint
	done   chan struct{} // closed when err is there
	err    error
}

// save saves the checkpoint if it has changed, at most once a second, and does not wait for
// that. Its error is that of the one before.
func (c *Copier) save(ctx context.Context) error {
	if c.saving != nil {
		select {
		case <-c.saving.done:
			if err := c.awaitSaved(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	if time.Since(c.savedAt) < c.every {
		return nil
	}
	mark, ok := c.copy.Checkpoint()
	if !ok || same(&mark, &c.saved) {
		return nil
	}
	s := &saving{before: c.saved, done: make(chan struct{})}
	c.saving, c.saved, c.savedAt = s, mark, time.Now()
	go func() {
		defer close(s.done)
		s.err = c.keep(ctx, mark)
	}()
	return nil
}

// awaitSaved waits until no checkpoint is being saved. After an error the one before is the last.
func (c *Copier) awaitSaved() error {
	s := c.saving
	if s == nil {
		return nil
	}
	<-s.done
	c.saving = nil
	if s.err != nil {
		c.saved, c.savedAt = s.before, time.Time{}
	}
	return s.err
}

// saveNow saves a checkpoint, and waits until it is saved.
func (c *Copier) saveNow(ctx context.Context, mark mirror.Checkpoint) error {
	_ = c.awaitSaved() // This one replaces it.
	if err := c.keep(ctx, mark); err != nil {
		return err
	}
	c.saved, c.savedAt = mark, time.Now()
	return nil
}

func (c *Copier) keep(ctx context.Context, mark mirror.Checkpoint) error {
	if err := c.cfg.Checkpoints.Save(ctx, c.cfg.ID, mark); err != nil {
		return fmt.Errorf("save the checkpoint of %s: %w", c.cfg.ID, err)
	}
	return nil
}
