package client

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// writableWithin bounds how long what is to be written waits until it is known that the
// topics are no copies.
const writableWithin = 30 * time.Second

// inLine bounds how many requests wait for that without their callers.
const inLine = 1000

// asking is what waits until it is known that the topics are no copies. Its line is in the
// order of the calls, and is left in that order.
type asking struct {
	known   atomic.Bool   // They are none.
	waiting atomic.Int64  // in line
	last    chan struct{} // closed when the last in line has left; the client's lock guards it
}

// writable returns a *eventlog.ReadOnlyError if the topics are copies of those of another
// site, where requests are to be made.
func (c *Client) writable(ctx context.Context, partition int32) error {
	if c.asking.known.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writableWithin)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	err := c.broker.Writable(ctx, partition)
	var copied *eventlog.ReadOnlyError
	if err == nil || errors.As(err, &copied) {
		return err
	}
	return notSent(fmt.Errorf("find out whether %s is a copy, to which nothing may be written: %w", c.topics.Events(), err))
}

// whenWritable calls send once it is known that the topics are no copies, or refused with
// why not. The caller waits only behind many others. Calls of send are in the order of
// the calls of whenWritable.
func (c *Client) whenWritable(ctx context.Context, partition int32, send func(), refused func(error)) {
	c.mu.Lock()
	before := c.asking.last
	if before == nil && c.asking.known.Load() {
		c.mu.Unlock()
		send()
		return
	}
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		refused(notSent(errors.New("the client is closed")))
		return
	}
	mine := make(chan struct{})
	c.asking.last = mine
	leave := func() {
		if err := c.writable(ctx, partition); err != nil {
			refused(err)
			send = func() {}
		} else {
			c.asking.known.Store(true)
		}
		if before != nil {
			<-before
		}
		send()
		c.mu.Lock()
		defer c.mu.Unlock()
		if close(mine); c.asking.last == mine {
			c.asking.last = nil
		}
	}
	many := c.asking.waiting.Add(1) > inLine
	if !many {
		c.work.Go(func() {
			defer c.asking.waiting.Add(-1)
			leave()
		})
	}
	c.mu.Unlock()
	if many {
		defer c.asking.waiting.Add(-1)
		leave()
	}
}

// line waits until all that is in line has left it, for no longer than ctx.
func (c *Client) line(ctx context.Context) error {
	c.mu.Lock()
	last := c.asking.last
	c.mu.Unlock()
	if last == nil {
		return nil
	}
	select {
	case <-last:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("send what was submitted: %w", ctx.Err())
	}
}
