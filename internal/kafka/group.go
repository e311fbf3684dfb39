package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/internal/telemetry/trouble"
)

const (
	// A member that falls silent for this long loses its partitions.
	sessionTimeout   = 6 * time.Second
	rebalanceTimeout = 10 * time.Second
	joinBackoff      = 200 * time.Millisecond
	// leaveTimeout is how long leaving may wait for an answer before its
	// connections are cut.
	leaveTimeout = 2 * time.Second
)

// Join is a member of a consumer group on one topic until ctx ends, and then
// leaves it, so that others need not wait for its session to end. For each
// generation it calls run with what fell to this member, perhaps nothing; one call at a
// time, and none when Join has returned. run must return soon after its ctx ends,
// because the whole group waits for it; if it returns earlier, the member joins anew.
// Broker errors are retried for as long as ctx lasts, and logged if they last; the error of Join is ctx's, or says
// that the group cannot be joined: before the first generation that a right is missing or
// a connection is rejected, too. Later, that may be a password that is being replaced or a
// right that is given back: it is logged as an error and tried again.
//
// Being assigned a partition owns nothing: the log decides who does.
func (c *Client) Join(ctx context.Context, group, topic string, run func(ctx context.Context, g *Generation)) error {
	var conns connSet
	shares := &balancer{}
	members, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:                group,
		Brokers:           c.config.Brokers,
		Topics:            []string{topic},
		Dialer:            &kafkago.Dialer{ClientID: c.config.ClientID, Timeout: c.config.DialTimeout, DialFunc: conns.dialer(c.dial)},
		GroupBalancers:    []kafkago.GroupBalancer{shares},
		HeartbeatInterval: aloneInterval,
		SessionTimeout:    sessionTimeout,
		RebalanceTimeout:  rebalanceTimeout,
		JoinGroupBackoff:  joinBackoff,
		Timeout:           requestTimeout,
	})
	if err != nil {
		return fmt.Errorf("join group %s for topic %s: %w", group, topic, err)
	}
	var joined atomic.Bool
	between := alive{client: c}
	defer between.end()
	var running sync.WaitGroup // the run of a generation
	defer running.Wait()
	defer func() {
		defer c.board.Begin(func() string { return fmt.Sprintf("leave group %s for topic %s", group, topic) }, 0).End()
		leave(members, &conns, joined.Load())
	}()
	right := needs{topic: topic, onTopic: "Describe", group: group, onGroup: "Read"}
	try := c.board.New(fmt.Sprintf("join group %s for topic %s", group, topic))
	defer try.End()
	const expected = rebalanceTimeout + requestTimeout
	try.Begin(expected)
	var slower pace
	for first := true; ; {
		generation, err := members.Next(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			err = c.denied(right, err)
			if classify(err) == denied && (first || !IsDenied(err)) || errors.Is(err, kafkago.ErrGroupClosed) {
				return c.gaveUp(ctx, fmt.Sprintf("join group %s for topic %s", group, topic), err)
			}
			if !errors.Is(err, kafkago.RebalanceInProgress) {
				slower.again(ctx, try, err)
			}
			continue // the group itself waits before it tries again
		}
		first, slower = false, pace{}
		between.end()
		try.Passed()
		// kafka-go waits for what was started in a generation, but not if that was over
		// by then: it goes on to the next one, and what belongs to neither would run.
		running.Wait()
		running.Add(1)
		joined.Store(true)
		between.between(ctx, generation)
		if !shares.alone() {
			c.accompany(generation)
		}
		generation.Start(func(ended context.Context) {
			defer func() {
				defer running.Done()
				joined.Store(false)
				if ctx.Err() == nil {
					try.Begin(expected)
				}
			}()
			if ended.Err() != nil {
				return // Its partitions may be another member's.
			}
			within(ctx, ended, func(ctx context.Context) {
				run(ctx, newGeneration(c, generation, topic, ended.Done()))
			})
		})
	}
}

// pace has a member that is denied join less and less often: brokers log each time.
type pace struct {
	pause time.Duration
	old   bool // the next answer came while it paused
}

// joinAtLeast is how often a member that is denied tries to join.
const joinAtLeast = 5 * time.Second

// again tells of err, and waits for longer each time that it is a denial. kafka-go tries once
// meanwhile, and holds the answer: behind an old one it is not waited, for a newer one may be
// better.
func (p *pace) again(ctx context.Context, try *trouble.Try, err error) {
	if p.old = !p.old && IsDenied(err); !p.old {
		try.Failed(err)
		return
	}
	p.pause = min(max(2*p.pause, joinBackoff), joinAtLeast)
	try.Again(ctx, err, p.pause)
}

// within runs f under a context that ends with either of the two. It returns no
// earlier than it should, because its return makes the member join anew.
func within(ctx, generation context.Context, f func(context.Context)) {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(generation, cancel)()
	f(both)
	if ctx.Err() != nil {
		<-generation.Done() // which leaving ends, without joining once more
		return
	}
	trouble.Pause(both, joinBackoff) // an f that returns at once must not keep the group busy
}

// leave tells the coordinator that this member is gone. What waits for an answer
// cannot be interrupted, so after a while its connections are cut, and no other is
// opened: the session of a member that could not say so ends by itself.
func leave(members *kafkago.ConsumerGroup, conns *connSet, joined bool) {
	t := time.AfterFunc(leaveTimeout, conns.cut)
	defer t.Stop()
	if !joined {
		settle(members)
	}
	_ = members.Close() // it has no error to give
}

// settle waits until a member that is joining has joined or failed to. If it is
// closed before, and the group then forms anew once more, kafka-go forgets the
// member instead of leaving, and all others wait until its session ends.
func settle(members *kafkago.ConsumerGroup) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	for {
		if _, err := members.Next(ctx); !errors.Is(err, kafkago.RebalanceInProgress) {
			return
		}
	}
}

// connSet remembers the connections of one group, until it is cut.
type connSet struct {
	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

var errCut = errors.New("the group is being left, and its connections are cut")

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func (s *connSet) dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if s.isCut() {
			return nil, errCut
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed { // while it was dialled
			_ = conn.Close()
			return nil, errCut
		}
		s.conns = slices.DeleteFunc(s.conns, func(c net.Conn) bool { return c.(*trackedConn).isClosed() })
		s.conns = append(s.conns, conn)
		return createsNothing{conn}, nil
	}
}

func (s *connSet) isCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// cut closes all connections, and lets none be opened any more: kafka-go dials again
// to leave, and would wait for an answer once more.
func (s *connSet) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}
