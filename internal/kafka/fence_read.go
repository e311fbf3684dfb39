package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/internal/kafka/batch"
)

var errNoMarker = errors.New("the marker is not to be read yet")

// findMarker is the offset of the claim's own marker, at or behind from.
func (w *FencedWriter) findMarker(ctx context.Context, from int64) (marker int64, err error) {
	err = w.step(ctx, "find the marker of the claim", func() error {
		found := false
		next, err := w.scan(ctx, from, func(b *batch.Batch) bool {
			found = b.Aborts() && b.Producer.ID == w.producer.ID && b.Producer.Epoch == w.producer.Epoch
			marker = b.BaseOffset
			return !found
		})
		if err != nil {
			return err
		}
		if !found {
			from = next
			return errNoMarker
		}
		return nil
	})
	return marker, err
}

// written is a batch as far as it tells of its writer.
type written struct {
	producer batch.Producer
	control  bool
}

// earlier are the producer IDs that may still write although the writer has claimed: of the
// newest batch of records in front of an offset, whose writer had fenced all before it;
// and of the claims behind that, which may have died before they fenced it, or wait to
// write. Compaction may have emptied the places in front of it, so it looks further back.
func (w *FencedWriter) earlier(ctx context.Context, offset int64) ([]int64, error) {
	start, _, err := w.ends(ctx)
	if err != nil {
		return nil, err
	}
	for back := int64(1); ; back *= 2 {
		from := max(start, offset-back)
		var tail []written
		err := w.step(ctx, "look for earlier writers", func() error {
			tail = tail[:0]
			_, err := w.scan(ctx, from, func(b *batch.Batch) bool {
				if b.BaseOffset >= offset {
					return false
				}
				tail = append(tail, written{b.Producer, b.Control()})
				return true
			})
			return err
		})
		if err != nil {
			return nil, err
		}
		newest := len(tail) - 1
		for newest >= 0 && tail[newest].control {
			newest--
		}
		if newest >= 0 || from == start {
			return unfenced(tail[max(newest, 0):], w.producer.ID), nil
		}
	}
}

// unfenced are the producer IDs of batches, each once, but for the current one and those
// that a marker of the greatest epoch has fenced.
func unfenced(tail []written, current int64) (ids []int64) {
	for _, b := range tail {
		switch id := b.producer.ID; {
		case b.control && b.producer.Epoch == math.MaxInt16:
			ids = slices.DeleteFunc(ids, func(other int64) bool { return other == id })
		case id >= 0 && id != current && !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids
}

// scan shows the batches from an offset on, control batches too, until see returns false or
// the end is reached, and returns where to go on.
func (w *FencedWriter) scan(ctx context.Context, from int64, see func(*batch.Batch) bool) (int64, error) {
	for limit := fetchBytes; ; {
		answer, err := w.log.request(ctx, from, 0, limit)
		if err != nil {
			return from, w.client.denied(needs{topic: w.config.Topic, onTopic: "Read"}, err)
		}
		if len(answer.Batches.data) == 0 {
			return from, nil
		}
		began := from
		for rest := answer.Batches.data; len(rest) > 0; {
			b, after, err := batch.Read(rest)
			if errors.Is(err, batch.ErrPartial) {
				break
			}
			if err != nil {
				return from, err
			}
			if !see(&b) {
				return from, nil
			}
			rest, from = after, b.Next()
		}
		if from == began {
			if limit >= maxFetchBytes {
				return from, fmt.Errorf("%w: the batch at %d has more than %d bytes", batch.ErrCorrupt, from, limit)
			}
			limit = min(2*limit, maxFetchBytes)
		}
	}
}

// What Kafka forgets idle transactional IDs and producer IDs after, if it does not say.
const (
	transactionalExpiry = 7 * 24 * time.Hour
	producerExpiry      = 24 * time.Hour
)

// learnExpiry finds after how long the first broker to do so forgets an idle writer.
func (w *FencedWriter) learnExpiry(ctx context.Context) error {
	if w.expiry = w.config.Expiry; w.expiry > 0 {
		return nil
	}
	return w.client.persist(ctx, w.what("read the brokers' expiry of producers"), needs{onCluster: "DescribeConfigs"}, func() error {
		m, err := w.client.metadata(ctx)
		if err != nil {
			return err
		}
		w.expiry = min(transactionalExpiry, producerExpiry)
		for i := range m.Brokers {
			if err := w.expiryOf(ctx, strconv.Itoa(int(m.Brokers[i].NodeID))); err != nil {
				return err
			}
		}
		return nil
	})
}

// expiryOf lowers the expiry to that of a broker.
func (w *FencedWriter) expiryOf(ctx context.Context, broker string) error {
	names := []string{"transactional.id.expiration.ms", "producer.id.expiration.ms"}
	r, err := w.client.api.DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{Resources: []kafkago.DescribeConfigRequestResource{{
		ResourceType: kafkago.ResourceTypeBroker, ResourceName: broker, ConfigNames: names,
	}}})
	if err != nil {
		return err
	}
	for _, res := range r.Resources {
		if res.Error != nil {
			return fmt.Errorf("of broker %s: %w", broker, res.Error)
		}
		for _, e := range res.ConfigEntries {
			if ms, err := strconv.ParseInt(e.ConfigValue, 10, 64); err == nil && ms > 0 && (e.ConfigName == names[0] || e.ConfigName == names[1]) {
				w.expiry = min(w.expiry, time.Duration(ms)*time.Millisecond)
			}
		}
	}
	return nil
}
