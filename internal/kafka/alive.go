package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// alive keeps a member alive whose generation is over, until it is in the next one:
// kafka-go sends no heartbeats then. Apache Kafka lets a session end while its member
// still finishes what it ran, and kfake (package embedded) also while it waits in
// JoinGroup, which is never answered then. The rebalance timeout, not the session, is
// what bounds both.
type alive struct {
	client *Client
	cancel context.CancelFunc
	beats  sync.WaitGroup
}

// between begins when a member has entered a generation: from the end of that on it is
// kept alive, until end is called or ctx ends.
func (a *alive) between(ctx context.Context, of *kafkago.Generation) {
	ctx, a.cancel = context.WithCancel(ctx)
	over := make(chan struct{})
	of.Start(func(ended context.Context) {
		<-ended.Done()
		close(over)
	})
	a.beats.Go(func() {
		select {
		case <-over:
			a.client.beat(ctx, of)
		case <-ctx.Done():
		}
	})
}

func (a *alive) end() {
	if a.cancel != nil {
		a.cancel()
	}
	a.beats.Wait()
}

// beat sends heartbeats until ctx ends or the group has moved on, with this member or
// without it. One that gets no answer is followed by the next: the session may last.
func (c *Client) beat(ctx context.Context, of *kafkago.Generation) {
	tick := time.NewTicker(sessionTimeout / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		answer, err := c.api.Heartbeat(ctx, &kafkago.HeartbeatRequest{GroupID: of.GroupID, GenerationID: of.ID, MemberID: of.MemberID})
		if err == nil && answer.Error != nil && !errors.Is(answer.Error, kafkago.RebalanceInProgress) {
			return // Joining meets it as well, and tells of it.
		}
	}
}
