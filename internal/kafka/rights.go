package kafka

import (
	"context"
	"errors"
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

// asked is what a broker said of a topic, asked by name.
type asked struct {
	when time.Time
	err  error // kafkago.TopicAuthorizationFailed, or nil
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
	if time.Since(last.when) < askAgain {
		return last.err
	}
	// Many may want to know at once, such as all that read its partitions.
	_, err, _ := c.asking.Do(topic, func() (any, error) { return nil, c.askFor(ctx, []string{topic})[topic] })
	return err
}

// Hidden are those of some topics that the principal may not know of, each with a *Denied
// error: brokers leave them out where they list all topics, as if they were deleted.
func (c *Client) Hidden(ctx context.Context, topics []string) map[string]error {
	if len(topics) == 0 {
		return nil
	}
	hidden := c.askFor(ctx, topics)
	for name, err := range hidden {
		hidden[name] = c.denied(needs{topic: name, onTopic: "Describe"}, err)
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
		a := asked{when: time.Now()}
		if t := &r.Topics[i]; kafkago.Error(t.ErrorCode) == kafkago.TopicAuthorizationFailed {
			a.err = kafkago.TopicAuthorizationFailed
			hidden[t.Name] = a.err
		}
		c.asked[r.Topics[i].Name] = a
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
