package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// veiled is a broker that lists no topic, and answers what is asked of one by name.
type veiled struct {
	*memory
	hidden func(ctx context.Context) error
}

func (v veiled) Topics(context.Context, string) ([]TopicInfo, error) { return nil, nil }

func (v veiled) Hidden(ctx context.Context, _ string) error { return v.hidden(ctx) }

// That there are no topics is said only once brokers have said so of their names: not where a
// right is missing, however late that is told, and not where nothing was answered.
func TestCheckTellsWhyATopicIsNotListed(t *testing.T) {
	lacking := &cluster.Denied{Cluster: "c", Principal: "User:eve", Operation: "Describe", Resource: "topic", Name: topics.Events(), Err: errors.New("no")}
	for name, c := range map[string]struct {
		within time.Duration
		hidden func(ctx context.Context) error
		says   string
	}{
		"it is hidden": {time.Minute, func(context.Context) error { return lacking }, "User:eve lacks the right Describe on topic spanway.tasks.events"},
		"nobody answers": {time.Millisecond, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}, "no broker answers at b:1 (context deadline exceeded)"},
		"there is none": {time.Minute, func(context.Context) error { return nil }, "brokers at b:1 have no topics spanway.tasks.*"},
	} {
		cfg := Config{Brokers: []string{"b:1"}, Prefix: events.DefaultPrefix, DialTimeout: c.within}.withDefaults()
		client := newClient(cfg, veiled{newMemory(), c.hidden})
		var away *Unavailable
		if err := client.Check(t.Context()); !errors.As(err, &away) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Check says %v, want %q", name, err, c.says)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
