package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// fetchBytes is how much one answer holds, but for a larger first batch.
	fetchBytes int32 = 1 << 20
	// maxFetchBytes is how far the limit is raised for a batch that a broker
	// cuts at it.
	maxFetchBytes   int32 = maxAnswer / 2
	readUncommitted int8  = 0
	readCommitted   int8  = 1
)

// Fetch reads records from offset from on; if there are none it waits for at
// most wait (milliseconds count), and at a partition where nothing has come for a while
// for at least half of it (see waiting). The page's Next goes on past everything that
// was read, also where that was no record: markers of transactions, aborted
// records, what compaction left empty. It may lie within a batch. Records of open
// transactions are not read. An offset that the partition does not have gives *OutOfRange; answers
// that a moment mends are waited out within ctx and the client's RetryBudget.
func (p *Partition) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, _, err := p.FetchProven(ctx, from, wait)
	return page, err
}

// FetchProven is Fetch, and says whether the leader has made certain that the page is of the
// topic with the ID of OfTopic. If it has not, the page may be of any topic of the name. An
// *OutOfRange proves nothing.
func (p *Partition) FetchProven(ctx context.Context, from int64, wait time.Duration) (page events.Page, proven bool, err error) {
	began := time.Now()
	page, proven, err = p.fetch(ctx, from, wait)
	p.client.metrics.Polled(ctx, &p.named, began, len(page.Records), err)
	return page, proven, err
}

func (p *Partition) fetch(ctx context.Context, from int64, wait time.Duration) (page events.Page, proven bool, err error) {
	what := func() string { return p.reads(from) }
	retry := p.client.retrier(wait, what)
	defer retry.try.End()
	for {
		page, proven, err = p.fetchOnce(ctx, from, wait)
		if err == nil {
			retry.try.Passed()
			return page, proven, nil
		}
		err = p.client.because(ctx, needs{topic: p.topic, onTopic: "Read"}, err)
		if errors.Is(err, kafkago.OffsetOutOfRange) {
			return events.Page{}, false, p.outOfRange(ctx, from)
		}
		if classify(err) != unknown || errors.Is(err, batch.ErrCorrupt) || ctx.Err() != nil || !retry.wait(ctx, err) {
			return events.Page{}, false, p.client.gaveUp(ctx, what(), err)
		}
	}
}

// Batches tells how many records each batch has that one fetch reads from offset
// from on, and where to go on from; none if nothing is there. It is for those who
// look at how records were appended. An offset that the partition does not have gives
// *OutOfRange.
func (p *Partition) Batches(ctx context.Context, from int64) (counts []int, next int64, err error) {
	answer, err := p.request(ctx, from, 0, fetchBytes)
	if errors.Is(err, kafkago.OffsetOutOfRange) {
		return nil, from, p.outOfRange(ctx, from)
	}
	if err != nil {
		return nil, from, p.client.gaveUp(ctx, p.reads(from), err)
	}
	for rest, next := answer.Batches.data, from; ; {
		b, after, err := batch.Read(rest)
		if errors.Is(err, batch.ErrPartial) {
			return counts, next, nil // the end, or one that is cut off
		}
		if err != nil {
			return counts, next, err
		}
		counts, rest, next = append(counts, int(b.Count)), after, b.Next()
	}
}

// term is that of a page (see events.Page). The leader is of that epoch, or it would not
// answer. One that loses its tail by a restart may keep its epoch, but not its connections,
// of which broken had turned out dead before the request.
func term(broken int64, epoch int32) int64 { return broken<<32 | int64(uint32(epoch)) }

func (p *Partition) outOfRange(ctx context.Context, from int64) error {
	broken := p.client.broken.Load()
	epoch, err := p.client.leaderEpoch(ctx, p.topic, p.id)
	if err != nil {
		return err
	}
	start, end, err := p.client.ends(ctx, p.topic, p.id, p.isolation)
	if err != nil {
		return err
	}
	return &OutOfRange{Topic: p.topic, Partition: p.id, Offset: from, Start: start, End: end, Term: term(broken, epoch)}
}

// fetchOnce asks until an answer holds at least one whole batch, or none. Kafka
// sends the first batch whole, however large it is; others may cut it.
func (p *Partition) fetchOnce(ctx context.Context, from int64, wait time.Duration) (page events.Page, proven bool, err error) {
	if o := p.resume(from); o != nil {
		return p.readOpened(ctx, o)
	}
	answer, err := p.first(ctx, from, wait)
	for limit := p.most; ; {
		if err != nil {
			return events.Page{}, false, err
		}
		page, large, unread := readPage(answer, from, p.encoded)
		if large != nil {
			return p.readOpened(ctx, large)
		}
		if !errors.Is(unread, batch.ErrPartial) {
			return page, answer.proven, unread
		}
		if limit >= maxFetchBytes {
			return events.Page{}, false, fmt.Errorf("%w: the batch there has more than %d bytes", batch.ErrCorrupt, limit)
		}
		needed := min(batch.Length(answer.Batches.data), int(maxFetchBytes))
		limit = min(max(2*limit, int32(needed)), maxFetchBytes)
		answer, err = p.request(ctx, from, wait, limit)
	}
}

// first asks with a request of its own, or together with others if the reader is idle.
func (p *Partition) first(ctx context.Context, from int64, wait time.Duration) (answer *fetchedPartition, err error) {
	began := time.Now()
	idle := p.idleAt(wait)
	if idle != nil && idle.known(from, began) {
		answer, err = p.client.waiting.await(ctx, place{p.topic, p.id}, p.topicID, from, wait)
	}
	if answer == nil && err == nil {
		answer, err = p.request(ctx, from, max(0, wait-time.Since(began)), p.most)
	}
	if idle != nil {
		idle.note(from, began, err == nil && (wait <= 0 || answer.silent(from)))
	}
	return answer, err
}

// idleAt is what is known of earlier fetches that waited, or that did not; nil if those of
// this wait have always a request of their own.
func (p *Partition) idleAt(wait time.Duration) *idle {
	switch {
	case p.isolation != readCommitted:
		return nil // The requests that are shared read what is committed.
	case wait <= 0:
		return &p.polled
	case wait >= sharedAtLeast:
		return &p.waited
	}
	return nil
}

func (p *Partition) request(ctx context.Context, from int64, wait time.Duration, limit int32) (*fetchedPartition, error) {
	broken := p.client.broken.Load()
	epoch, err := p.client.leaderEpoch(ctx, p.topic, p.id)
	if err != nil {
		return nil, err
	}
	req := newFetchRequest(limit)
	req.IsolationLevel = p.isolation
	req.MaxWaitMillis = int32(max(wait, 0) / time.Millisecond)
	req.add(place{p.topic, p.id}, p.topicID, from, epoch, limit)
	r, err := p.client.fetched(ctx, &req, wait)
	if err != nil {
		return nil, err
	}
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		return nil, errors.New("the answer does not name the one partition that was asked for")
	}
	a := &r.Topics[0].Partitions[0]
	if err := a.failure(p.topic, p.topicID); err != nil {
		return nil, err
	}
	a.term = term(broken, epoch)
	if p.isolation == readUncommitted {
		a.LastStableOffset = a.HighWatermark
	}
	return a, nil
}

// fetched sends a request to fetch that waits at the broker.
func (c *Client) fetched(ctx context.Context, req *fetchRequest, wait time.Duration) (*fetchResponse, error) {
	req.clientID = c.config.ClientID
	m, err := c.roundTrip(ctx, req, wait+requestTimeout)
	if err != nil {
		return nil, err
	}
	r, ok := m.(*fetchResponse)
	if !ok {
		return nil, fmt.Errorf("an answer of type %T", m)
	}
	if r.ErrorCode != 0 {
		return nil, kafkago.Error(r.ErrorCode)
	}
	return r, nil
}

func newFetchRequest(limit int32) fetchRequest {
	return fetchRequest{ReplicaID: -1, MinBytes: 1, MaxBytes: limit, IsolationLevel: readCommitted, SessionEpoch: -1} // no session
}

// add names a partition of a topic, by its ID if that is not zero.
func (r *fetchRequest) add(at place, of uuid, from int64, epoch, limit int32) {
	i := slices.IndexFunc(r.Topics, func(t fetchTopic) bool { return t.Topic == at.topic && t.ID == of })
	if i < 0 {
		i = len(r.Topics)
		r.Topics = append(r.Topics, fetchTopic{Topic: at.topic, ID: of})
	}
	r.Topics[i].Partitions = append(r.Topics[i].Partitions, fetchPartition{
		Partition: at.id, CurrentLeaderEpoch: epoch, FetchOffset: from, LogStartOffset: -1, MaxBytes: limit,
	})
}

// end is behind the last record that may be read.
func (a *fetchedPartition) end() int64 {
	if a.LastStableOffset < 0 {
		return a.HighWatermark
	}
	return a.LastStableOffset
}

// silent reports whether nothing is to be read at an offset, for want of room or otherwise.
func (a *fetchedPartition) silent(from int64) bool {
	return a.ErrorCode == 0 && len(a.Batches.data) == 0 && a.end() <= from
}

// leaderEpoch is the epoch of the leader that the request will be routed to,
// from the Transport's cache; the broker answers with an error if either side
// is behind. -1, which asks for no such check, while it is not known.
func (c *Client) leaderEpoch(ctx context.Context, topic string, partition int32) (int32, error) {
	m, err := c.roundTrip(ctx, &metadata.Request{TopicNames: []string{topic}}, requestTimeout)
	if err != nil {
		return -1, err
	}
	r, ok := m.(*metadata.Response)
	if !ok || len(r.Topics) != 1 {
		return -1, nil
	}
	for i := range r.Topics[0].Partitions {
		if q := &r.Topics[0].Partitions[i]; q.PartitionIndex == partition && q.LeaderEpoch >= 0 {
			return q.LeaderEpoch, nil
		}
	}
	return -1, nil
}

// reads names what is done with an offset. One that no log has asks for the ends.
func (p *Partition) reads(from int64) string {
	if from >= math.MaxInt64-1 {
		return fmt.Sprintf("ask for the end of %s/%d", p.topic, p.id)
	}
	return fmt.Sprintf("read %s/%d from offset %d", p.topic, p.id, from)
}
