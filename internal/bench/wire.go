package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// eventsPerTask in the log: accepted, assigned, succeeded. Nobody fetches them
	// while the tasks run.
	eventsPerTask = 3
	// recordsPerTask that are produced: those, the request, the copy of the
	// assignment and the report, which are fetched once each.
	recordsPerTask = eventsPerTask + 3
)

// sampled is how many tasks' records the bare wire carries, again and again.
const sampled = 5_000

// sample holds what tasks left in the logs.
type sample struct {
	requests, events, assignments, reports []events.Record
	shape
}

// shape is how many records were appended at once, on average.
type shape struct{ requests, events, assignments, reports int }

// shapeOf looks at what the tasks of the measurement left in the logs. Of what was
// deleted behind a snapshot the shape stays as it was.
func shapeOf(ctx context.Context, m *measurement, before shape) (s shape, err error) {
	s = before
	c := kafka.New(kafka.Config{Brokers: m.brokers, ClientID: "spanway-bench"})
	defer c.Close()
	topics, pool := events.Topics{Prefix: m.cfg.Prefix}, m.pools[0]
	look := func(mean *int, topic string, partition int32) error {
		n, err := meanBatch(ctx, c, topic, partition)
		if n > 0 {
			*mean = n
		}
		return err
	}
	return s, errors.Join(
		look(&s.requests, topics.Requests(), events.PoolPartition(pool)),
		look(&s.events, topics.Events(), events.PoolPartition(pool)),
		look(&s.assignments, topics.Assignments(), events.EnginePartition(events.EngineID(engineID(pool, 0)))),
		look(&s.reports, topics.Reports(), events.PoolPartition(pool)),
	)
}

// meanBatch is how many records a batch of the partition has, on average; 0 if too
// few are left to tell.
func meanBatch(ctx context.Context, c *kafka.Client, topic string, partition int32) (int, error) {
	from, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		return 0, err
	}
	records, batches, err := countBatches(ctx, c.Partition(topic, partition), from, end)
	if err != nil {
		return 0, fmt.Errorf("count the batches of %s/%d: %w", topic, partition, err)
	}
	if records < sampled {
		return 0, nil
	}
	return max(records/max(batches, 1), 1), nil
}

// countBatches counts what a log holds between two offsets.
func countBatches(ctx context.Context, log *kafka.Partition, from, end int64) (records, batches int, err error) {
	for from < end {
		counts, next, err := log.Batches(ctx, from)
		if err != nil {
			return 0, 0, err
		}
		if next == from {
			return 0, 0, fmt.Errorf("no batch at %d, before the end of the log at %d", from, end)
		}
		for _, n := range counts {
			records += n
		}
		batches += len(counts)
		from = next
	}
	return records, batches, nil
}

// takeSample reads back the records of the tasks that the measurement ran.
func takeSample(ctx context.Context, m *measurement) (*sample, error) {
	c := kafka.New(kafka.Config{Brokers: m.brokers, ClientID: "spanway-bench"})
	defer c.Close()
	topics := events.Topics{Prefix: m.cfg.Prefix}
	pool := m.pools[0]
	partition, id := events.PoolPartition(pool), engineID(pool, 0)
	n := min(m.ran, sampled)
	s := &sample{}
	var err error
	if s.shape, err = shapeOf(ctx, m, shape{1, 1, 1, 1}); err != nil {
		return nil, err
	}
	read := func(into *[]events.Record, topic string, partition int32, n int, want func(*events.Record) bool) (err error) {
		*into, err = readBack(ctx, c, topic, partition, n, want)
		return err
	}
	ofPool := func(r *events.Record) bool { return string(r.Key) == string(pool) }
	ofEngine := func(r *events.Record) bool { return string(r.Key) == id }
	return s, errors.Join(
		read(&s.requests, topics.Requests(), partition, n, ofPool),
		read(&s.events, topics.Events(), partition, eventsPerTask*n, func(*events.Record) bool { return true }),
		read(&s.assignments, topics.Assignments(), events.EnginePartition(events.EngineID(id)), n, ofEngine),
		read(&s.reports, topics.Reports(), partition, n, ofPool),
	)
}

// readBack reads the last n records that are wanted, or fewer if there are
// fewer; the first ones of a run are of engines that register.
func readBack(ctx context.Context, c *kafka.Client, topic string, partition int32, n int, want func(*events.Record) bool) ([]events.Record, error) {
	from, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	last := newest{n: n}
	for log := c.Partition(topic, partition); from < end; {
		page, err := log.Fetch(ctx, from, time.Second)
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			if want(&page.Records[i]) {
				last.add(page.Records[i])
			}
		}
		from = page.Next
	}
	if len(last.all()) == 0 {
		return nil, fmt.Errorf("%s/%d holds no record of the warm-up", topic, partition)
	}
	return last.all(), nil
}

// newest are the last n records of those that are added. It lets go of the others: the
// collector would look at them again and again while the rounds are measured.
type newest struct {
	n       int
	records []events.Record
}

func (k *newest) add(r events.Record) {
	if len(k.records) == 2*k.n {
		k.records = slices.Delete(k.records, 0, k.n) // Which clears what it moves.
	}
	k.records = append(k.records, r)
}

func (k *newest) all() []events.Record {
	k.records = slices.Delete(k.records, 0, max(0, len(k.records)-k.n))
	return k.records
}

// wire is the bare wire: topics of its own with the same settings, and the same
// clients as the parts of a system have.
type wire struct {
	client *kafka.Client
	topics events.Topics
	tasks  int
	told   func(int)
	group  *errgroup.Group
}

// runWire produces and fetches what n tasks would.
func runWire(ctx context.Context, m *measurement, s *sample, n int) (f figures, err error) {
	c := kafka.New(kafka.Config{Brokers: m.brokers, ClientID: "spanway-bench"})
	defer c.Close()
	w := &wire{client: c, topics: events.Topics{Prefix: m.cfg.Prefix + string(m.pools[0]) + "."}, tasks: n, told: m.cfg.Progress}
	specs := events.Specs(w.topics.Catalogue())
	if _, err := c.Ensure(ctx, specs); err != nil {
		return figures{}, err
	}
	defer func() {
		names := make([]string, len(specs))
		for i := range specs {
			names[i] = specs[i].Name
		}
		err = errors.Join(err, c.DeleteTopics(context.WithoutCancel(ctx), names))
	}()
	before := settled()
	began := time.Now()
	w.group, ctx = errgroup.WithContext(ctx)
	w.group.Go(func() error { return w.appendLog(ctx, s) })
	w.carry(ctx, w.topics.Requests(), s.requests, s.shape.requests, w.told)
	w.carry(ctx, w.topics.Assignments(), s.assignments, s.shape.assignments, nil)
	w.carry(ctx, w.topics.Reports(), s.reports, s.shape.reports, nil)
	if err := w.group.Wait(); err != nil {
		return figures{}, err
	}
	return figures{time.Since(began).Seconds(), measure().since(before)}, nil
}

// appendLog appends the events in batches like the owner's.
func (w *wire) appendLog(ctx context.Context, s *sample) error {
	log := w.client.Partition(w.topics.Events(), 0)
	batch := make([]events.Record, 0, s.shape.events)
	for sent, total := 0, w.tasks*eventsPerTask; sent < total; sent += len(batch) {
		batch = batch[:0]
		for i := range min(s.shape.events, total-sent) {
			batch = append(batch, s.events[(sent+i)%len(s.events)])
		}
		if _, err := log.Append(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// carry produces one record a task, in batches of that many, and fetches it again.
func (w *wire) carry(ctx context.Context, topic string, records []events.Record, perBatch int, told func(int)) {
	failed := make(chan error, 1)
	w.group.Go(func() error {
		p := w.client.Producer(kafka.ProducerOptions{Forever: true, BatchBytes: perBatch * records[0].Size()})
		done := func(_ int64, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		}
		for i := range w.tasks {
			p.Send(ctx, topic, 0, records[i%len(records)], done)
		}
		return p.Close(ctx)
	})
	w.group.Go(func() error {
		log := w.client.Partition(topic, 0)
		for from := int64(0); from < int64(w.tasks); {
			page, err := log.Fetch(ctx, from, 500*time.Millisecond)
			if err != nil {
				return err
			}
			if told != nil {
				told(len(page.Records))
			}
			from = page.Next
			select {
			case err := <-failed:
				return err
			default:
			}
		}
		return nil
	})
}
