package mirrored_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// site is a cluster of logs in memory.
type site struct {
	logs   map[string][]eventlog.Log
	denied map[string]bool
	opened atomic.Int64
}

type rights struct{}

func (rights) Error() string { return "it must not be read" }
func (rights) Denied() bool  { return true }

// unreadable is a log that must not be read.
type unreadable struct{ *placedAt }

func (unreadable) Fetch(context.Context, int64, time.Duration) (events.Page, error) {
	return events.Page{}, rights{}
}

func (s *site) source() mirrored.Source {
	return mirrored.Source{
		List: func(context.Context, string) (map[string]int32, error) {
			all := map[string]int32{}
			for topic, partitions := range s.logs {
				all[topic] = int32(len(partitions))
			}
			return all, nil
		},
		Open: func(topic string, n int32) eventlog.Log {
			s.opened.Add(1)
			if s.denied[topic] {
				return unreadable{s.logs[topic][n].(*placedAt)}
			}
			return s.logs[topic][n]
		},
	}
}

// placedAt is a log that stands in a topic.
type placedAt struct {
	*placed
	at events.ClusterPartition
}

func (p *placedAt) Place(context.Context) (events.ClusterPartition, error) { return p.at, nil }

func TestWhatAGuardRefuses(t *testing.T) {
	const tasks, queue, requests = "ams.spanway.tasks.events", "ams.spanway.queue.orders", "ams.spanway.tasks.requests"
	const copied, own, empty = 'c', 'o', '-'
	for name, c := range map[string]struct {
		log string
		// has tells, of each topic, what the partitions begin with.
		has    map[string]string
		same   bool // the copies have the name of the source
		denied string
		want   string // the topic that refuses
	}{
		"its own":                              {tasks, map[string]string{tasks: "o-"}, false, "", ""},
		"a copy":                               {tasks, map[string]string{tasks: "cc"}, false, "", tasks},
		"a copy in another partition":          {tasks, map[string]string{tasks: "-c"}, false, "", tasks},
		"a copy of the same name":              {tasks, map[string]string{tasks: "-c"}, true, "", tasks},
		"nothing":                              {tasks, map[string]string{tasks: "--"}, false, "", ""},
		"a new queue beside copies":            {"ams.spanway.queue.new", map[string]string{queue: "c"}, false, "", queue},
		"a new queue beside a mirrored one":    {"ams.spanway.queue.new", map[string]string{queue: "c", tasks: "o-"}, true, "", ""},
		"a new queue at its own site":          {"ams.spanway.queue.new", map[string]string{queue: "o", tasks: "--"}, false, "", ""},
		"its own beside copies":                {tasks, map[string]string{tasks: "o-", queue: "c"}, false, "", ""},
		"requests are copies, and events none": {tasks, map[string]string{tasks: "--", requests: "-c"}, false, "", requests},
		"requests of its own tell nothing":     {tasks, map[string]string{tasks: "--", requests: "o-", queue: "c"}, false, "", queue},
		"a log that must not be read":          {tasks, map[string]string{tasks: "cc"}, false, tasks, ""},
		"another tells of it":                  {tasks, map[string]string{tasks: "cc", queue: "c"}, false, tasks, queue},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{logs: map[string][]eventlog.Log{}, denied: map[string]bool{c.denied: true}}
			for topic, begins := range c.has {
				for n, what := range begins {
					p := &placedAt{newPlaced(), events.ClusterPartition{Cluster: "fra", Topic: topic, Partition: int32(n)}}
					r := record(1)
					of := events.ClusterPartition{Cluster: "ams", Topic: topic[len("ams."):], Partition: int32(n)}
					if c.same {
						of.Topic = topic
					}
					switch what {
					case copied:
						origin := events.Provenance{Origin: events.Origin{ClusterPartition: of}, Generation: 1}
						add(t, p, origin.Mark(&r, p.at))
					case own:
						add(t, p, r)
					case empty:
					}
					s.logs[topic] = append(s.logs[topic], p)
				}
			}
			g := mirrored.NewGuard(s.source(), "ams.spanway.", c.log)
			partition := int32(0)
			if s.logs[c.log] == nil {
				partition = -1
			}
			for range 2 {
				var refused *eventlog.ReadOnlyError
				err := g.Writable(t.Context(), partition)
				if errors.As(err, &refused) != (c.want != "") || err != nil && refused == nil {
					t.Fatalf("it says %v, want a refusal by %q", err, c.want)
				}
				if refused != nil && (refused.Topic != c.want || refused.Of.Cluster != "ams" || !c.same && refused.Prefix != "spanway.") {
					t.Errorf("it says %v, want a refusal by %s", err, c.want)
				}
				before := s.opened.Load() // What is known is not looked at again.
				if err2 := g.Writable(t.Context(), partition); !errors.Is(err2, err) || s.opened.Load() != before {
					t.Errorf("then it says %v, and has looked %d times more", err2, s.opened.Load()-before)
				}
			}
		})
	}
}

// A look that fails is no answer, and is bounded by its context.
func TestAGuardDoesNotGuess(t *testing.T) {
	away := errors.New("the broker is away")
	g := mirrored.NewGuard(mirrored.Source{List: func(context.Context, string) (map[string]int32, error) { return nil, away }}, "spanway.", "spanway.tasks.events")
	if err := g.Writable(t.Context(), -1); !errors.Is(err, away) {
		t.Errorf("it says %v, want %v", err, away)
	}
	ctx, cancel := context.WithCancel(t.Context())
	inside, leave := make(chan struct{}), make(chan struct{})
	g = mirrored.NewGuard(mirrored.Source{List: func(context.Context, string) (map[string]int32, error) {
		close(inside)
		<-leave
		return nil, away
	}}, "spanway.", "spanway.tasks.events")
	done := make(chan error, 1)
	go func() { done <- g.Writable(context.WithoutCancel(ctx), -1) }()
	<-inside
	cancel()
	if err := g.Writable(ctx, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("one that waits says %v", err)
	}
	close(leave)
	<-done
}
