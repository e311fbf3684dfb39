package kafka

import (
	"errors"
	"fmt"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
)

// Generation is one member's part in one generation of its group.
type Generation struct {
	// ID grows with every generation of the group.
	ID int32
	// Partitions are those that fell to this member, sorted; perhaps none.
	Partitions []int32
	// Committed is from where the group goes on in each of them; a partition for
	// which it never committed, or whose offset expired, is not in it.
	Committed map[int32]int64

	client *Client
	topic  string
	of     *kafkago.Generation
	ended  <-chan struct{}
}

func newGeneration(c *Client, of *kafkago.Generation, topic string, ended <-chan struct{}) *Generation {
	g := &Generation{client: c, ID: of.ID, Committed: map[int32]int64{}, topic: topic, of: of, ended: ended}
	for _, a := range of.Assignments[topic] {
		g.Partitions = append(g.Partitions, int32(a.ID))
		if a.Offset >= 0 { // below are the names of the ends of a log
			g.Committed[int32(a.ID)] = a.Offset
		}
	}
	slices.Sort(g.Partitions)
	return g
}

// Ended is closed when the group is about to form anew. Until run returns, the
// partitions fall to nobody else, unless that takes longer than the group waits.
func (g *Generation) Ended() <-chan struct{} { return g.ended }

// Fenced means that a commit came from a generation that is over, and changed
// nothing.
type Fenced struct {
	Group      string
	Generation int32
	Err        error
}

func (e *Fenced) Error() string {
	return fmt.Sprintf("commit offsets of group %s in generation %d: it is over: %v", e.Group, e.Generation, e.Err)
}

func (e *Fenced) Unwrap() error { return e.Err }

// Commit stores from where the group is to go on in each partition. It may be
// called until run returns; the coordinator refuses it with *Fenced once the
// group has moved on without this member. After any other error the offsets may
// be stored or not. It waits for the answer, at most requestTimeout.
func (g *Generation) Commit(offsets map[int32]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	of := make(map[int]int64, len(offsets))
	for partition, offset := range offsets {
		of[int(partition)] = offset
	}
	err := g.of.CommitOffsets(map[string]map[int]int64{g.topic: of})
	if errors.Is(err, kafkago.IllegalGeneration) || errors.Is(err, kafkago.UnknownMemberId) || errors.Is(err, kafkago.RebalanceInProgress) {
		return &Fenced{Group: g.of.GroupID, Generation: g.ID, Err: err}
	}
	if err != nil {
		err = g.client.denied(needs{topic: g.topic, onTopic: "Read", group: g.of.GroupID, onGroup: "Read"}, err)
		return fmt.Errorf("commit offsets of group %s for topic %s in generation %d: %w", g.of.GroupID, g.topic, g.ID, err)
	}
	return nil
}
