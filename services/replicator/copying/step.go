package copying

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// errNoProgress: records that stand in the target cannot be read at the moment, such as
// while its leader moves.
var errNoProgress = errors.New("the target tells nothing of its end at the moment")

// take takes a step. An error of it is tried again: the core asks for the same step, or
// for a claim where that has to be.
func (c *Copier) take(ctx context.Context, step mirror.Step) error {
	switch s := step.(type) {
	case mirror.Claim:
		return c.claim(ctx)
	case mirror.ReadTail:
		return c.readTail(ctx, s)
	case mirror.ReadSource:
		return c.readSource(ctx, s)
	case mirror.Save:
		if err := c.saveNow(ctx, s.Checkpoint); err != nil {
			return err
		}
		return c.copy.Saved()
	case mirror.Append:
		return c.append(ctx, s)
	case mirror.DeadLetter:
		from := events.Origin{ClusterPartition: c.cfg.Copy.Source, Offset: s.Record.Offset}
		if err := c.cfg.Letters.Bury(ctx, from, s.Record, s.Reason); err != nil {
			return fmt.Errorf("send %s to the dead letters: %w", from, err)
		}
		return c.copy.Buried()
	default: // It rests.
		c.dropAhead()
		c.giveRoom()
		c.tell(nil)
		<-ctx.Done()
		return nil
	}
}

// claim takes the target, and then reads the checkpoint that counts: after an error of that
// read the claim stands, and only the read is tried again.
func (c *Copier) claim(ctx context.Context) error {
	if c.claimed.IsZero() {
		began := time.Now()
		held, err := c.cfg.Target.Claim(ctx)
		c.report.FenceRefused = kafka.IsDenied(err)
		if err != nil {
			return err
		}
		c.held, c.claimed, c.renewed, c.renewal = held, began, began, held.RenewEvery
	}
	saved, err := c.savedNow(ctx) // What others have saved who had the partition meanwhile.
	if err != nil {
		return err
	}
	c.copy.Known(saved)
	return c.copy.Claimed(c.held.Start, c.held.End, c.held.ID)
}

func (c *Copier) readTail(ctx context.Context, s mirror.ReadTail) error {
	tail, err := c.cfg.Target.Tail(ctx, s.From, s.To)
	if err == nil && tail.Next <= s.From {
		err = errNoProgress
	}
	if err != nil {
		return fmt.Errorf("read the tail of %s/%d: %w", c.cfg.Copy.Target.Topic, c.cfg.Copy.Target.Partition, err)
	}
	return c.copy.Tail(tail)
}

// allowed is how many records of a batch the limit of the link lets pass, at least one. What
// is due while it waits for that is done.
func (c *Copier) allowed(ctx context.Context, batch []events.Record) (n int, err error) {
	if c.cfg.Limit.free() {
		return len(batch), nil
	}
	within, cancel := context.WithCancel(ctx)
	taken := make(chan int, 1)
	go func() {
		defer close(taken)
		taken <- c.cfg.Limit.take(within, batch)
	}()
	defer func() {
		cancel()
		for range taken { // It has ended.
		}
	}()
	for {
		timer := time.NewTimer(c.due())
		select {
		case n = <-taken:
			if timer.Stop(); n == 0 {
				return 0, ctx.Err()
			}
			return n, nil
		case <-c.beingSaved():
			timer.Stop()
		case <-timer.C:
			c.limited()
		}
		if err := c.beside(ctx); err != nil {
			return 0, err
		}
		c.tell(nil)
	}
}

// append appends a batch, or what the limit of the link lets pass of it. Whether it stands
// is not known after most errors, and no other writer may have come between: then the
// partition is claimed anew.
func (c *Copier) append(ctx context.Context, s mirror.Append) error {
	n, err := c.allowed(ctx, s.Records)
	if err != nil {
		return err
	}
	if n < len(s.Records) {
		if err := c.copy.Cut(n); err != nil {
			return err
		}
		s.Records = s.Records[:n]
	}
	newest, bytes := s.Records[len(s.Records)-1].Timestamp, size(s.Records)
	began := time.Now()
	base, err := c.cfg.Target.Append(ctx, s.Records)
	var refused *kafka.Refused
	switch {
	case err == nil:
		c.report.Bytes += int64(bytes)
		c.report.LastTimestamp, c.report.CopiedAt = newest, time.Now()
		traced(ctx, &c.cfg.Copy, s.Records, base, began)
		return c.copy.Appended(base)
	case errors.As(err, &refused):
		if at := c.report.Next; len(s.Records) == 1 && c.mayWait(at) {
			return c.wait(ctx, at) // The core asks for the same step.
		}
		return c.copy.Refused()
	case ctx.Err() != nil:
		return err // It ends.
	}
	c.cfg.Logger.Debug("a batch may stand in the target or not: the partition is claimed anew", "copy", c.cfg.ID, "error", err)
	c.unknown()
	return err
}
