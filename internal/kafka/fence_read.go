package kafka

import (
	"context"
	"errors"
	"fmt"
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

// newestBefore is the producer of the newest batch in front of an offset; ID -1 if there is
// none. Compaction may have emptied the places in front of it, so it looks further back.
func (w *FencedWriter) newestBefore(ctx context.Context, offset int64) (batch.Producer, error) {
	start, _, err := w.ends(ctx)
	if err != nil {
		return batch.NoProducer, err
	}
	newest, seen := batch.NoProducer, false
	for back := int64(1); !seen && offset-back/2 > start; back *= 2 {
		err := w.step(ctx, "look for an earlier writer", func() error {
			_, err := w.scan(ctx, max(start, offset-back), func(b *batch.Batch) bool {
				if b.BaseOffset >= offset {
					return false
				}
				newest, seen = b.Producer, true
				return true
			})
			return err
		})
		if err != nil {
			return batch.NoProducer, err
		}
	}
	return newest, nil
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
