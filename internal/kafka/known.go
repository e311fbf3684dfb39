package kafka

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

const (
	// metadataTTL is how old what a client knows of its cluster may be while nothing casts
	// doubt on it and nobody asks.
	metadataTTL = 3 * time.Second
	// metadataAge is how old an answer may be for which somebody asks, such as a list of topics.
	metadataAge = 250 * time.Millisecond
	// doubtAge keeps many that fail at once from asking each for itself. It doubles up to
	// doubtMost while the doubt lasts: a partition may be without a leader for hours.
	doubtAge, doubtMost = 50 * time.Millisecond, 500 * time.Millisecond
	// knownWithin bounds how long it is waited for.
	knownWithin = time.Second
)

// knowledge is what a client knows of its cluster: brokers, topics, leaders. The Transport
// keeps it, and asks for it every now and then. In between it is asked for when a request
// finds no way, when an answer says that the way is another one by now, and when somebody asks.
type knowledge struct {
	mu sync.Mutex
	// asked is when the newest answer was asked for.
	asked time.Time
	// under is closed when the question that was asked then is answered; nil if none is under way.
	under chan struct{}
	// doubted is when there was reason to ask last, and age how old the answer may be then.
	doubted time.Time
	age     time.Duration
	grown   time.Time // when age was doubled last: once for all that failed together
}

// doubt is how old what is known may be at a time at which there is reason to doubt it.
func (k *knowledge) doubt(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.doubted) > 2*doubtMost {
		k.age = doubtAge
	}
	k.doubted = now
	return k.age
}

// wasAsked makes the next doubt, if it comes soon, wait for longer.
func (k *knowledge) wasAsked() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.grown) >= k.age {
		k.age, k.grown = min(2*k.age, doubtMost), now
	}
}

// know has the client know what was so at a time or later, and reports whether it had to ask.
// It waits no longer than knownWithin.
func (c *Client) know(caller context.Context, since time.Time) bool {
	ctx, cancel := context.WithTimeout(caller, knownWithin)
	defer cancel()
	k := &c.knows
	for asked := false; ; asked = true {
		k.mu.Lock()
		under := k.under
		switch {
		case under == nil && !k.asked.Before(since):
			k.mu.Unlock()
			return asked
		case under == nil:
			under = make(chan struct{})
			before := k.asked
			k.asked, k.under = time.Now(), under
			k.mu.Unlock()
			_, _ = requests{c}.send(ctx, c.addr, question{})
			k.mu.Lock()
			k.under = nil
			if caller.Err() != nil {
				k.asked = before // It may not have been asked.
			}
			k.mu.Unlock()
			close(under)
			return true
		}
		k.mu.Unlock()
		select { // Another caller asks.
		case <-under:
		case <-ctx.Done():
			return true
		}
	}
}

// doubt has the client ask anew if an error may come from what it knows of the cluster.
func (c *Client) doubt(ctx context.Context, err error) {
	if now := time.Now(); misled(err) && c.know(ctx, now.Add(-c.knows.doubt(now))) {
		c.knows.wasAsked()
	}
}

// misled reports whether an error may come from old knowledge of the cluster.
func misled(err error) bool {
	var dialled *net.OpError
	return unrouted(err) || errors.As(err, &dialled) || ended(err) || timedOut(err) ||
		slices.ContainsFunc(elsewhere, func(code kafkago.Error) bool { return errors.Is(err, code) })
}

// elsewhere are the answers that say that the way is another one.
var elsewhere = []kafkago.Error{
	kafkago.UnknownTopicOrPartition, kafkago.LeaderNotAvailable, kafkago.NotLeaderForPartition, kafkago.ReplicaNotAvailable,
	kafkago.FencedLeaderEpoch, kafkago.UnknownLeaderEpoch, kafkago.NotController, kafkago.KafkaStorageError, kafkago.ListenerNotFound,
}

// unrouted reports whether a request was not sent, as it is not known to where.
func unrouted(err error) bool {
	return errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader) ||
		errors.Is(err, kafkago.BrokerNotAvailable)
}

// question has the Transport ask for what it knows, and waits for the answer. It does so
// behind an answer to CreateTopics, and there is no other way to tell it to: so this is a
// request that is split into none, whose answers are merged into one of that type.
type question struct{}

// ApiKey implements protocol.Message.
func (question) ApiKey() protocol.ApiKey { return protocol.CreateTopics }

// Split implements protocol.Splitter.
func (question) Split(protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	return nil, question{}, nil
}

// Merge implements protocol.Merger.
func (question) Merge([]protocol.Message, []any) (protocol.Message, error) {
	return &createtopics.Response{}, nil
}

// lookedUp reports whether a request is answered from what the Transport knows.
func lookedUp(req protocol.Message) bool {
	_, is := req.(*metadata.Request)
	return is
}
