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
// that.
func (c *Copier) save(ctx context.Context) {
	c.collect(ctx)
	if c.saving != nil || time.Now().Before(c.saveAt) {
		return
	}
	mark, ok := c.copy.Checkpoint()
	if !ok || same(&mark, &c.saved) {
		return
	}
	s := &saving{before: c.saved, done: make(chan struct{})}
	c.saving, c.saved, c.saveAt = s, mark, time.Now().Add(c.every)
	go func() {
		defer close(s.done)
		s.err = c.keep(ctx, mark)
	}()
}

// beingSaved is closed when the checkpoint that is being saved is saved, or was not; nil if
// none is.
func (c *Copier) beingSaved() <-chan struct{} {
	if c.saving == nil {
		return nil
	}
	return c.saving.done
}

// collect takes down what came of a checkpoint that was being saved, and does not wait for it.
// An error stays what is told until one is saved.
func (c *Copier) collect(ctx context.Context) {
	select {
	case <-c.beingSaved():
	default:
		return
	}
	if c.awaitSaved(); c.unsaved != nil && ctx.Err() == nil {
		c.report.LastError = c.unsaved.Error()
		c.try.Failed(c.unsaved)
	}
}

// awaitSaved waits until no checkpoint is being saved. After an error the one before is the
// last, and the next one is spaced.
func (c *Copier) awaitSaved() {
	s := c.saving
	if s == nil {
		return
	}
	<-s.done
	c.saving, c.unsaved = nil, s.err
	if s.err == nil {
		c.saves.reset()
		return
	}
	c.saved, c.saveAt = s.before, time.Now().Add(c.saves.next())
}

// saveNow saves a checkpoint, and waits until it is saved.
func (c *Copier) saveNow(ctx context.Context, mark mirror.Checkpoint) error {
	c.awaitSaved() // This one replaces it.
	if err := c.keep(ctx, mark); err != nil {
		return err
	}
	c.saved, c.saveAt, c.unsaved = mark, time.Now().Add(c.every), nil
	c.saves.reset()
	return nil
}

func (c *Copier) keep(ctx context.Context, mark mirror.Checkpoint) error {
	if err := c.cfg.Checkpoints.Save(ctx, c.cfg.ID, mark); err != nil {
		return fmt.Errorf("save the checkpoint of %s: %w", c.cfg.ID, err)
	}
	return nil
}

// savedNow is the checkpoint that counts; nil if there is none.
func (c *Copier) savedNow(ctx context.Context) (*mirror.Checkpoint, error) {
	saved, err := c.cfg.Checkpoints.Saved(ctx, c.cfg.ID)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of %s: %w", c.cfg.ID, err)
	}
	return saved, nil
}
