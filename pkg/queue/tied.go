package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/loghost"
)

// incarnation is one topic of a name. What is deleted and created again is another one, so
// a host that has opened a queue neither reads nor serves another one of its name.
type incarnation struct {
	cluster *cluster.Cluster
	topic   string
	id      string // empty where brokers have none (before Kafka 2.8)
}

// incarnationOf is the topic that has a name now. Its error is a *goneError if there is none.
func incarnationOf(ctx context.Context, c *cluster.Cluster, topic string) (incarnation, error) {
	id, err := c.Kafka().TopicID(ctx, topic, 0)
	if err != nil && ctx.Err() == nil {
		if n, look := c.Kafka().Partitions(ctx, topic); look == nil && n == 0 {
			err = &goneError{topic}
		}
	}
	return incarnation{cluster: c, topic: topic, id: id}, err
}

// incarnationsOf are those of the log of a queue and, if it is not bare, of its snapshots:
// a fold begins with these, so that their end is noticed, too.
func incarnationsOf(ctx context.Context, c *cluster.Cluster, topic string, bare bool) (of, snapshots incarnation, err error) {
	if of, err = incarnationOf(ctx, c, topic); err == nil && !bare {
		snapshots, err = incarnationOf(ctx, c, events.Snapshots(topic))
	}
	return of, snapshots, err
}

// log is the log that is read from this topic and from no other one of its name.
func (i incarnation) log() tied {
	return tied{i.cluster.Kafka().Partition(i.topic, 0).OfTopic(i.id), i}
}

// there tells whether the topic is.
func (i incarnation) there(ctx context.Context) (bool, error) {
	return i.cluster.Kafka().HasTopic(ctx, i.topic, 0, i.id)
}

// gone tells whether the topic was deleted. It looks again, for a broker that has just begun
// may not know a topic.
func (i incarnation) gone(ctx context.Context) (bool, error) {
	there, err := i.there(ctx)
	if there || err != nil || !trouble.Pause(ctx, time.Second) {
		return false, cmp.Or(err, ctx.Err())
	}
	there, err = i.there(ctx)
	return !there && err == nil, err
}

// tied is the log of an incarnation. Calls are appended by its name; one that comes to stand
// in the log of another queue is refused there, as it names the creation of its own.
type tied struct {
	mirrored.Placed
	of incarnation
}

// Fetch implements eventlog.Log. Its error is a *goneError if the topic was deleted.
func (t tied) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := t.Placed.Fetch(ctx, from, wait)
	if err == nil || ctx.Err() != nil || eventlog.IsOutOfRange(err) {
		return page, err
	}
	if gone, unknown := t.of.gone(ctx); gone && unknown == nil {
		return page, &goneError{t.of.topic}
	}
	return page, err
}

// goneError says that the topic of a queue was deleted, and maybe created again.
type goneError struct{ topic string }

func (e *goneError) Error() string { return fmt.Sprintf("the topic %s was deleted", e.topic) }

// detail says what was deleted if it is not the queue.
func (e *goneError) detail() string {
	if !strings.HasSuffix(e.topic, events.Snapshots("")) {
		return ""
	}
	return fmt.Sprintf("the topic %s was deleted", e.topic)
}

// Denied tells package eventlog that to try again changes nothing.
func (e *goneError) Denied() bool { return true }

// ErrorType is the class of the error in metrics and traces.
func (e *goneError) ErrorType() string { return "TOPIC_GONE" }

func isGone(err error) bool {
	var gone *goneError
	return errors.As(err, &gone)
}

// tiedCluster gives a host the logs of two incarnations.
type tiedCluster struct {
	loghost.Cluster
	of, snapshots incarnation
}

// Partition implements loghost.Cluster.
func (c tiedCluster) Partition(topic string, n int32) eventlog.Log {
	switch topic {
	case c.of.topic:
		return c.of.log()
	case c.snapshots.topic:
		return c.snapshots.log()
	}
	return c.Cluster.Partition(topic, n)
}

// Board has what hosts try again besides what the connection itself does.
func (c tiedCluster) Board() *trouble.Board { return c.of.cluster.Kafka().Board() }
