package kafka

import (
	"context"
	"errors"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/pkg/events"
)

// TopicState is a topic beside what it must be.
type TopicState struct {
	Name string
	// Missing says that there is no such topic, or that the principal may not know of it; then
	// nothing else is known.
	Missing bool
	// Hidden says that it may not.
	Hidden bool
	// Replicas is the least number of replicas that a partition of it has.
	Replicas int
	// Leaderless partitions have no leader; those with Fewer replicas in sync than replicas
	// have one.
	Leaderless, Fewer int
	// Settings are nil if they may not be read, and Denied says what right that takes.
	Settings map[string]string
	Denied   error
	// Wrong is a *Misconfigured if it must not be used as it is.
	Wrong error
}

// States compares topics with what they must be, and changes nothing. It is Ensure for who
// only looks.
func (c *Client) States(ctx context.Context, topics []events.TopicSpec) (states []TopicState, err error) {
	err = c.persist(ctx, "look at the topics", needs{}, func() error {
		states, err = c.states(ctx, topics)
		return err
	})
	return states, err
}

func (c *Client) states(ctx context.Context, topics []events.TopicSpec) ([]TopicState, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]TopicState, 0, len(topics))
	for _, spec := range topics {
		s := TopicState{Name: spec.Name}
		t := find(m, spec.Name)
		if t == nil {
			s.Missing = true
			s.Hidden = c.hidden(ctx, spec.Name) != nil
			states = append(states, s)
			continue
		}
		info := topicInfo(t)
		s.Replicas = info.Replicas
		for i := range t.Partitions {
			switch p := &t.Partitions[i]; {
			case p.LeaderID < 0:
				s.Leaderless++
			case len(p.IsrNodes) < len(p.ReplicaNodes):
				s.Fewer++
			}
		}
		all, err := c.settings(ctx, []string{spec.Name})
		var denied *Denied
		switch {
		case errors.As(err, &denied):
			s.Denied = denied
		case err != nil:
			return nil, err
		case all[spec.Name].Applied == nil: // It was deleted since.
			return nil, kafkago.UnknownTopicOrPartition
		default:
			s.Settings = all[spec.Name].Applied
		}
		s.Wrong = misconfigured(info, s.Settings, spec)
		states = append(states, s)
	}
	return states, nil
}
