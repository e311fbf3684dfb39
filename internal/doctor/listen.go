package doctor

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// listen reads the reports that engines send while it waits: each sends a heartbeat a second,
// with the time of its own clock.
func (c Config) listen(ctx context.Context, facts *Facts) ([]Clock, error) {
	topic := events.Topics{Prefix: c.Prefix}.Reports()
	i := slices.IndexFunc(facts.Topics, func(t kafka.TopicState) bool { return t.Name == topic && !t.Missing })
	if i < 0 || c.Listen <= 0 {
		return nil, nil
	}
	n, err := c.Kafka.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	wait, end := context.WithTimeout(ctx, c.Listen)
	defer end()
	e := ears{newest: map[string]time.Duration{}, heard: sync.OnceFunc(func() { time.AfterFunc(enough, end) })}
	var all errgroup.Group
	for p := range n {
		all.Go(func() error { return e.hear(wait, c, topic, p) })
	}
	err = all.Wait()
	return e.clocks(), err
}

// enough is how long after the first heartbeat all engines have sent one.
const enough = 1500 * time.Millisecond

// ears hold how far the clock of each engine is ahead.
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
		if h, ok := message.(*events.EngineHeartbeat); err == nil && ok {
			e.newest["engine "+h.EngineId] = time.UnixMilli(r.Timestamp).Sub(now)
			e.heard()
		}
	}
}

func (e *ears) clocks() (out []Clock) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for engine, ahead := range e.newest {
		out = append(out, Clock{engine, ahead})
	}
	slices.SortFunc(out, func(a, b Clock) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
