package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// recordsPerGrant in the log of grants where one is asked at a time: granted, answered. The
// request is elsewhere.
const recordsPerGrant = 2

// idsWire is the bare wire of grants: topics like those of an allocator, and clients that
// append and fetch the same records, and look at none of them.
type idsWire struct {
	system   *idsSystem
	cfg      IDsConfig
	topics   events.Topics
	requests kindOfCall
	events   kindOfCall
	inputs   []*logWire // of the requests, by partition
	log      *logWire
	counted  int64 // up to where the batches of the log are counted
	left     int   // records in the log of the grants that were looked at last
	// asked is how many records hold their requests, askedTo where those end, all partitions
	// together.
	asked, askedTo int64
}

func newIDsWire(ctx context.Context, s *idsSystem, cfg IDsConfig) (*idsWire, error) {
	w := &idsWire{system: s, cfg: cfg, topics: events.Topics{Prefix: s.topics.Prefix + "wire."}}
	specs := events.Specs([]events.Log{w.catalogued(w.topics.IDRequests()), w.catalogued(w.topics.IDEvents())})
	if _, err := cfg.Cluster.Ensure(ctx, specs); err != nil {
		return nil, err
	}
	of := func(topic string, partition int32) *logWire {
		return &logWire{log: cfg.Cluster.Partition(topic, partition), reads: cfg.Cluster.Partition(topic, partition)}
	}
	for n := range events.IDRequestPartitions {
		w.inputs = append(w.inputs, of(w.topics.IDRequests(), n))
	}
	w.log = of(w.topics.IDEvents(), 0)
	return w, w.asks(1)
}

// asks makes the record of so many requests.
func (w *idsWire) asks(n int64) error {
	encoder := events.Encoder{Source: "/spanway/bench"}
	id := "0193a7e2-7b5c-7cc2-9e0a-0123456789ab"
	one := &events.IdsRangeRequested{RequestId: id, Count: proto.Int64(int64(w.cfg.Count))}
	var m proto.Message = &events.IdsRangesRequested{Space: w.cfg.Name, Ranges: slices.Repeat([]*events.IdsRangeRequested{one}, int(n))}
	if n == 1 {
		one.Space = w.cfg.Name
		m = one
	}
	rec, err := encoder.Encode(id, m)
	rec.Key = []byte(id)
	w.requests.records = []events.Record{rec}
	return err
}

// catalogued is what the catalogue says of a topic.
func (w *idsWire) catalogued(topic string) events.Log {
	log, _ := w.topics.Log(topic)
	return log
}

// run carries what so many grants left in the logs: as many records, in batches of the same
// size. With one
// caller it does so for a while, each record when the one before was fetched.
func (w *idsWire) run(ctx context.Context, space string, callers, grants int) (loaded, error) {
	if err := w.look(ctx, space); err != nil {
		return loaded{}, err
	}
	if callers == 1 {
		return w.singly(ctx)
	}
	if err := w.asks(max(1, int64(grants)/max(1, w.asked))); err != nil {
		return loaded{}, err
	}
	before := settled()
	began := time.Now()
	group, inGroup := errgroup.WithContext(ctx)
	for i, in := range w.inputs {
		share := (int(w.asked) + i) / len(w.inputs)
		group.Go(func() error { return in.carry(inGroup, &w.requests, share) })
	}
	group.Go(func() error { return w.log.carry(inGroup, &w.events, w.left) })
	err := group.Wait()
	return loaded{figures{time.Since(began).Seconds(), measure().since(before)}, make([]time.Duration, grants)}, err
}

// singly carries a request, a grant and an answer, each alone.
func (w *idsWire) singly(ctx context.Context) (loaded, error) {
	if err := w.asks(1); err != nil {
		return loaded{}, err
	}
	request, event := w.requests, w.events
	request.perAppend, event.perAppend = 1, 1
	return load(ctx, 1, w.cfg.Duration, func(ctx context.Context, _ int) error {
		if err := w.inputs[0].carry(ctx, &request, 1); err != nil {
			return err
		}
		return w.log.carry(ctx, &event, recordsPerGrant)
	})
}

// look reads what grants left in the logs since it was called last: how many records were
// appended at once, and the newest of them.
func (w *idsWire) look(ctx context.Context, space string) error {
	c, topic, partition := w.cfg.Cluster.Kafka(), w.system.topics.IDEvents(), events.SpacePartition(space)
	_, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		return err
	}
	records, batches, err := countBatches(ctx, c.Partition(topic, partition), w.counted, end)
	if err != nil {
		return fmt.Errorf("count the batches of %s/%d: %w", topic, partition, err)
	}
	w.events.perAppend = max(1, records/max(1, batches))
	from := max(w.counted, end-recordsPerGrant*sampled)
	w.left, w.counted = int(end-w.counted), end
	w.events.records = w.events.records[:0]
	for log := c.Partition(topic, partition); from < end; {
		page, err := log.Fetch(ctx, from, time.Second)
		if err != nil {
			return err
		}
		w.events.records, from = append(w.events.records, page.Records...), page.Next
	}
	return w.lookAtRequests(ctx)
}

// lookAtRequests counts those that the allocator has not deleted yet; they are deleted once
// they are answered, also while they are counted.
func (w *idsWire) lookAtRequests(ctx context.Context) error {
	c, topic := w.cfg.Cluster.Kafka(), w.system.topics.IDRequests()
	records, batches, askedTo := 0, 0, int64(0)
	for n := range events.IDRequestPartitions {
		from, end, err := c.Offsets(ctx, topic, n)
		if err != nil {
			return err
		}
		askedTo += end
		r, b, err := countBatches(ctx, c.Partition(topic, n), from, end)
		var gone *kafka.OutOfRange
		if err != nil && !errors.As(err, &gone) {
			return fmt.Errorf("count the batches of %s/%d: %w", topic, n, err)
		}
		records, batches = records+r, batches+b
	}
	w.asked, w.askedTo = askedTo-w.askedTo, askedTo
	if batches > 0 {
		w.requests.perAppend = max(1, records/batches)
	}
	return nil
}

func (w *idsWire) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return w.cfg.Cluster.Kafka().DeleteTopics(ctx, []string{w.topics.IDRequests(), w.topics.IDEvents()})
}
