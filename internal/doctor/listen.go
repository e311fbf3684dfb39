package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// listen reads what is sent while it waits: each engine sends a heartbeat a second, and the
// scheduler that reads it an echo, both with the time of their own clocks.
func (c Config) listen(ctx context.Context, facts *Facts) ([]Clock, error) {
	if c.Listen <= 0 {
		return nil, nil
	}
	wait, end := context.WithTimeout(ctx, c.Listen)
	defer end()
	e := ears{newest: map[string]time.Duration{}, heard: sync.OnceFunc(func() { time.AfterFunc(enough, end) })}
	var all errgroup.Group
	topics := events.Topics{Prefix: c.Prefix}
	for _, topic := range []string{topics.Reports(), topics.Assignments()} {
		if !slices.ContainsFunc(facts.Topics, func(t kafka.TopicState) bool { return t.Name == topic && !t.Missing }) {
			continue
		}
		n, err := c.Kafka.Partitions(ctx, topic)
		if err != nil {
			end()
			return nil, cmp.Or(all.Wait(), err)
		}
		for p := range n {
			all.Go(func() error { return e.hear(wait, c, topic, p) })
		}
	}
	err := all.Wait()
	return e.clocks(), err
}

// enough is how long after the first heartbeat all engines have sent one, and schedulers have
// answered.
const enough = 2500 * time.Millisecond

// ears hold how far the clock of each engine and scheduler is ahead.
type ears struct {
	mu     sync.Mutex
	newest map[string]time.Duration
	heard  func() // is called when there is one
}

// hear reads a partition from its end until ctx ends.
func (e *ears) hear(ctx context.Context, c Config, topic string, p int32) error {
	_, from, err := c.Kafka.Offsets(ctx, topic, p)
	log := c.Kafka.Partition(topic, p)
	for err == nil {
		var page events.Page
		page, err = log.Fetch(ctx, from, time.Second)
		now := time.Now()
		e.note(page.Records, now)
		from = page.Next
	}
	select {
	case <-ctx.Done():
		return nil // It listened for as long as it was to.
	default:
		return err
	}
}

func (e *ears) note(records []events.Record, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range records {
		r := &records[i]
		_, message, err := events.Decode(r)
		if err != nil {
			continue
		}
		switch m := message.(type) {
		case *events.EngineHeartbeat:
			e.newest["engine "+m.EngineId] = time.UnixMilli(r.Timestamp).Sub(now)
			e.heard()
		case *events.EngineEcho:
			e.newest[fmt.Sprintf("scheduler of partition %d", m.Partition)] = time.UnixMilli(r.Timestamp).Sub(now)
		}
	}
}

func (e *ears) clocks() (out []Clock) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, ahead := range e.newest {
		out = append(out, Clock{name, ahead})
	}
	slices.SortFunc(out, func(a, b Clock) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
