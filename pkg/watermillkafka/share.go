package watermillkafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"

	"github.com/spanway/spanway/internal/kafka"
)

// share is what fell to a subscription in one generation of its group.
type share struct {
	in         *subscription
	generation int32
	partitions []int32
	committed  map[int32]int64
	commit     func(offsets map[int32]int64) error
	ended      <-chan struct{} // the group forms anew; nil without one

	messages context.Context // the messages' contexts end with it
	cancel   context.CancelFunc
	workers  []*worker
	running  sync.WaitGroup
}

// revokeGrace is how long a rebalance waits for messages that are handed out, so
// that they need not be handed out again. The whole group waits with it.
const revokeGrace = time.Second

// begin hands messages out until ctx ends.
func (sh *share) begin(ctx context.Context) {
	s := sh.in
	sh.messages, sh.cancel = context.WithCancel(s.user)
	if hook := s.of.config.Hooks.Joined; hook != nil {
		hook(s.topic, sh.partitions)
	}
	if hook := s.of.config.Hooks.Assigned; hook != nil && len(sh.partitions) > 0 {
		hook(s.topic, sh.partitions)
	}
	if s.of.handOutStale {
		ctx = s.ctx
	}
	for _, id := range sh.partitions {
		w := newWorker(sh, id)
		sh.workers = append(sh.workers, w)
		sh.running.Go(func() { w.run(ctx) })
	}
	s.of.show(sh.workers, true)
}

// finish waits for messages that are handed out, for a while, and stores what is
// acknowledged. The context of begin has ended.
func (sh *share) finish() {
	s := sh.in
	if s.of.handOutStale {
		s.stale.Go(sh.running.Wait)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		sh.running.Wait()
	}()
	sh.drain(done)
	sh.cancel()
	<-done
	sh.store()
	s.of.show(sh.workers, false)
	if hook := s.of.config.Hooks.Revoked; hook != nil && len(sh.partitions) > 0 {
		hook(s.topic, sh.partitions)
	}
}

// drain returns when everything is acknowledged, or not worth waiting for.
func (sh *share) drain(done <-chan struct{}) {
	if sh.in.of.closing.Err() != nil && sh.await(done, nil, sh.ended) {
		return // within the time that Close has, and no rebalance hurries
	}
	sh.await(done, time.After(sh.in.of.grace), nil)
}

// await reports false if the generation ended before everything else.
func (sh *share) await(done <-chan struct{}, timeout <-chan time.Time, ended <-chan struct{}) bool {
	select {
	case <-done:
	case <-timeout:
	case <-sh.in.of.drained.Done():
	case <-sh.in.user.Done():
	case <-ended:
		return false
	}
	return true
}

// store commits how far each partition is acknowledged. It reports false if the
// group has moved on; after another error the next call tries again.
func (sh *share) store() bool {
	offsets := map[int32]int64{}
	for _, w := range sh.workers {
		if offset, changed := w.progress(); changed {
			offsets[w.partition] = offset
		}
	}
	if len(offsets) == 0 {
		return true
	}
	err := sh.commit(offsets)
	var fenced *kafka.Fenced
	if errors.As(err, &fenced) {
		sh.in.of.logger.Info("The group has moved on: a commit is dropped", sh.in.fields().Add(watermill.LogFields{"reason": err.Error()}))
		return false
	}
	if err != nil {
		sh.in.of.logger.Info("A commit failed; it is made again", sh.in.fields().Add(watermill.LogFields{"reason": err.Error()}))
		return true
	}
	for _, w := range sh.workers {
		if offset, changed := offsets[w.partition]; changed {
			w.stored(offset)
			if hook := sh.in.of.config.Hooks.Committed; hook != nil {
				hook(sh.in.topic, w.partition, offset)
			}
		}
	}
	return true
}

// refreshEnds looks at the ends of partitions that nothing was fetched from for
// a while, because their messages wait for a handler: their lag grows, too.
func (sh *share) refreshEnds(ctx context.Context) {
	for _, w := range sh.workers {
		if !w.isStale() || ctx.Err() != nil {
			continue
		}
		if _, end, err := sh.in.client.Offsets(ctx, sh.in.topic, w.partition); err == nil {
			w.saw(end)
		}
	}
}
