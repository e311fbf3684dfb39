package watermillkafka

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/kafka"
)

// subscription is one call of Subscribe.
type subscription struct {
	of     *Subscriber
	client *kafka.Client
	topic  string
	out    chan *message.Message
	user   context.Context // of Subscribe

	ctx  context.Context // ends with user, with Close and when it fails
	stop context.CancelFunc

	// positions is where to go on without a group.
	positions map[int32]int64
	// known is how many partitions the topic had when last looked at, and
	// existing how many when the subscription began (where Start is Newest).
	known, existing int32

	failed sync.Once // Hooks.Failed is told

	stale sync.WaitGroup // what the mutant leaves behind
}

func (s *Subscriber) newSubscription(user context.Context, topic string) *subscription {
	topics := []string{topic}
	if dead := s.config.Undecodable.deadLetter; dead != "" {
		topics = append(topics, dead)
	}
	return &subscription{
		of: s, topic: topic, user: user, out: make(chan *message.Message), positions: map[int32]int64{},
		client: s.client.Like(func(c *kafka.Config) { c.Topics, c.Board = topics, s.client.Board() }),
	}
}

// beginAtEnds notes which partitions there are now: those that come later are
// read from their beginning. Without a group what is published from now on must
// come, so the ends are those of now, too.
func (s *subscription) beginAtEnds(ctx context.Context) (err error) {
	if s.existing, err = s.client.Partitions(ctx, s.topic); err != nil || s.of.config.ConsumerGroup != "" {
		return err
	}
	for id := range s.existing {
		if _, s.positions[id], err = s.client.Offsets(ctx, s.topic, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *subscription) run() {
	defer close(s.out)
	defer s.client.Close()
	defer context.AfterFunc(s.of.cut, s.client.Close)()
	defer s.stale.Wait()
	s.ctx, s.stop = context.WithCancel(s.user)
	defer s.stop()
	defer context.AfterFunc(s.of.closing, s.stop)()
	if !s.look() {
		return
	}
	if s.of.config.ConsumerGroup == "" {
		s.alone()
	} else {
		s.inGroup()
	}
}

// inGroup serves what falls to this member. It leaves only when serve has
// returned: leaving ends the generation, and what is acknowledged while Close
// waits must be committed in it.
func (s *subscription) inGroup() {
	member, leave := context.WithCancel(context.WithoutCancel(s.user))
	defer leave()
	var serving sync.Mutex
	defer context.AfterFunc(s.ctx, func() { // while it joins there is nothing to wait for
		serving.Lock()
		defer serving.Unlock()
		leave()
	})()
	err := s.client.Join(member, s.of.config.ConsumerGroup, s.topic, func(ctx context.Context, g *kafka.Generation) {
		serving.Lock()
		defer serving.Unlock()
		s.serve(ctx, &share{
			in: s, generation: g.ID, partitions: g.Partitions, committed: g.Committed, commit: g.Commit, ended: g.Ended(),
		})
		if s.ctx.Err() != nil {
			leave()
		}
	})
	if s.ctx.Err() == nil {
		s.fail(err)
	}
}

// alone serves all partitions, and anew whenever their number changes. It keeps
// in memory what a group keeps at the broker.
func (s *subscription) alone() {
	for s.ctx.Err() == nil {
		partitions := make([]int32, s.known)
		for i := range partitions {
			partitions[i] = int32(i)
		}
		s.serve(s.ctx, &share{
			in: s, partitions: partitions, committed: maps.Clone(s.positions),
			commit: func(offsets map[int32]int64) error {
				maps.Copy(s.positions, offsets)
				return nil
			},
		})
	}
}

// serve hands out what a share has until ctx or the subscription ends, or the
// number of partitions changes. When it returns, nothing of the share will be
// handed out any more.
func (s *subscription) serve(ctx context.Context, sh *share) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	sh.begin(ctx)
	s.watch(ctx, sh)
	cancel()
	sh.finish()
	// The group's other members may have seen new partitions first; who looks now
	// need not have the group form anew for them.
	s.look()
}

const (
	// commitInterval is how long an acknowledgement may stay uncommitted.
	commitInterval = 100 * time.Millisecond
	// watchInterval is how often the number of partitions is looked at, and the
	// ends of those that are not read because their messages wait.
	watchInterval = 2 * time.Second
)

// watch commits as acknowledgements come, and returns when ctx ends, a commit is
// fenced, or the number of partitions has changed.
func (s *subscription) watch(ctx context.Context, sh *share) {
	commits, looks := time.NewTicker(commitInterval), time.NewTicker(watchInterval)
	defer commits.Stop()
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-commits.C:
			if !sh.store() {
				return
			}
		case <-looks.C:
			before := s.known
			if s.look() && s.known != before {
				s.of.logger.Info("The number of partitions has changed", s.fields().Add(watermill.LogFields{"before": before, "now": s.known}))
				return
			}
			sh.refreshEnds(ctx)
		}
	}
}

// look asks how many partitions the topic has. It reports whether it was told.
func (s *subscription) look() bool {
	try := s.client.Board().New("look at the topic " + s.topic)
	defer try.End()
	for s.ctx.Err() == nil {
		n, err := s.client.Partitions(s.ctx, s.topic)
		if err == nil {
			try.Passed()
			s.known = n
			return true
		}
		if s.ctx.Err() == nil {
			try.Again(s.ctx, err, watchInterval)
		}
	}
	return false
}

// fail ends the subscription for a reason that is logged.
func (s *subscription) fail(err error) {
	err = fmt.Errorf("subscription to topic %s: %w", s.topic, err)
	s.of.logger.Error("The subscription ends", err, s.fields())
	if hook := s.of.config.Hooks.Failed; hook != nil {
		s.failed.Do(func() { hook(s.topic, err) }) // Several partitions may fail at once.
	}
	s.stop()
}

func (s *subscription) fields() watermill.LogFields {
	return watermill.LogFields{"topic": s.topic, "consumer_group": s.of.config.ConsumerGroup}
}
