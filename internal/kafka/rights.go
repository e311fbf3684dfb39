package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// A broker that is asked for all topics leaves out those that the principal may not
// describe, as if they did not exist. The Transport asks like that. So where a topic
// is not known, it is asked for by name, which tells the two apart.

// askAgain is how long the answer about a topic holds: one that is not known yet is
// looked for many times a second.
const askAgain = time.Second

// hiddenMost bounds the pause between two questions about a topic that is not to be known,
// which doubles each time: brokers log each one, and a right may be missing for days. Once it
// is given the topic is among all others, and is not asked for.
const hiddenMost = 30 * time.Second

// asked is what a broker said of a topic, asked by name.
type asked struct {
	again time.Time     // until when the answer holds
	pause time.Duration // until then, without jitter
	err   error         // kafkago.TopicAuthorizationFailed, or nil
}

// next is what is known of a topic that was asked for at a time, and is hidden or not.
func (a asked) next(hidden bool, now time.Time) asked {
	if !hidden {
		return asked{again: now.Add(askAgain), pause: askAgain}
	}
	pause := askAgain
	if a.err != nil {
		pause = min(2*a.pause, hiddenMost)
	}
	return asked{again: now.Add(pause*3/4 + rand.N(pause/4+1)), pause: pause, err: kafkago.TopicAuthorizationFailed}
}

// because replaces "no such topic" by the true reason: no broker was reached that
// could have known it, or the right to know of it is missing. It names what right an
// error says is missing.
func (c *Client) because(ctx context.Context, n needs, err error) error {
	if unknownTopic(err) {
		if _, reason := c.metadata(ctx); reason != nil {
			return reason
		}
		if hidden := c.hidden(ctx, n.topic); hidden != nil {
			return c.denied(n, hidden)
		}
	}
	return c.denied(n, err)
}

// refusalHolds is for how long a connection that was refused tells why what is known of the
// cluster is old: for as long as that lasts it is asked for more often, and is refused each
// time.
const refusalHolds = 2 * metadataTTL

// refusal is that of the last connection that was tried to open.
type refusal struct {
	err  error
	when time.Time
}

// refused is why brokers refuse this client now, nil if they do not. The Transport goes by what
// it knew before, and does not tell.
func (c *Client) refused(now time.Time) error {
	if r := c.refusal.Load(); r != nil && now.Sub(r.when) < refusalHolds {
		return r.err
	}
	return nil
}

func unknownTopic(err error) bool {
	return errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, kafkago.UnknownTopicOrPartition)
}

// hidden tells whether a topic is not to be known: TopicAuthorizationFailed if so. No
// topic has an empty name.
func (c *Client) hidden(ctx context.Context, topic string) error {
	if topic == "" {
		return nil
	}
	c.mu.Lock()
	last := c.asked[topic]
	c.mu.Unlock()
	if time.Now().Before(last.again) {
		return last.err
	}
	// Many may want to know at once, such as all that read its partitions.
	_, err, _ := c.asking.Do(topic, func() (any, error) { return nil, c.askFor(ctx, []string{topic})[topic] })
	return err
}

// Hidden are those of some topics that the principal may not know of, each with a *Denied
// error: brokers leave them out where they list all topics, as if they were deleted. It may be
// called often: brokers are asked about a topic that stays hidden less and less often, every
// 30 s in the end.
func (c *Client) Hidden(ctx context.Context, topics []string) map[string]error {
	if len(topics) == 0 {
		return nil
	}
	now, due := time.Now(), []string{}
	c.mu.Lock()
	for _, name := range topics {
		if last := c.asked[name]; last.err == nil || !now.Before(last.again) {
			due = append(due, name)
		}
	}
	c.mu.Unlock()
	if len(due) > 0 {
		c.askFor(ctx, due) // If no broker answers, what it said last holds.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	hidden := map[string]error{}
	for _, name := range topics {
		if last := c.asked[name]; last.err != nil {
			hidden[name] = c.denied(needs{topic: name, onTopic: "Describe"}, last.err)
		}
	}
	return hidden
}

// askFor asks for topics by name, on a connection of its own, and returns those that
// are not to be known.
func (c *Client) askFor(ctx context.Context, topics []string) map[string]error {
	var m protocol.Message
	err := errors.New("no broker")
	for i := 0; i < len(c.config.Brokers) && err != nil; i++ {
		m, err = c.askBroker(ctx, c.config.Brokers[i], &metadata.Request{TopicNames: topics})
	}
	r, ok := m.(*metadata.Response)
	if err != nil || !ok {
		return nil // whoever asked goes on with what it knows
	}
	hidden := map[string]error{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range r.Topics {
		t := &r.Topics[i]
		a := c.asked[t.Name].next(kafkago.Error(t.ErrorCode) == kafkago.TopicAuthorizationFailed, time.Now())
		if c.asked[t.Name] = a; a.err != nil {
			hidden[t.Name] = a.err
		}
	}
	return hidden
}

func (c *Client) askBroker(ctx context.Context, address string, req protocol.Message) (protocol.Message, error) {
	return c.askIn(ctx, address, req, versions)
}

// askIn asks one broker, in the versions of requests that are given.
func (c *Client) askIn(ctx context.Context, address string, req protocol.Message, of map[protocol.ApiKey]int16) (protocol.Message, error) {
	conn, err := c.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(c.config.DialTimeout))
	pc := protocol.NewConn(conn, c.config.ClientID)
	pc.SetVersions(of)
	return pc.RoundTrip(req)
}
