package copying

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// kafkaLetters is the topic of dead letters.
type kafkaLetters struct {
	encoder events.Encoder
	topic   string

	mu  sync.Mutex
	log *kafka.Partition
}

// NewLetters makes Letters of a topic, which must exist. source is its writer's name in
// CloudEvents.
func NewLetters(client *kafka.Client, topic, source string) Letters {
	return &kafkaLetters{encoder: events.Encoder{Source: source}, topic: topic, log: client.Partition(topic, 0)}
}

// maxRaw is how many bytes of a record its letter has.
const maxRaw = 64 << 10

// Bury implements Letters. The code of the letter is the reason in capitals; its source's
// topic stands behind the ID of the cluster.
func (l *kafkaLetters) Bury(ctx context.Context, from events.Origin, record events.Record, reason mirror.Reason) error {
	why := fmt.Sprintf("a record of %d bytes was not copied", record.Size())
	if text, standIn := record.Header(events.HeaderUndecodable); standIn {
		why += ": " + string(text)
	}
	letter, err := l.encoder.Encode(from.String(), &events.DeadLetter{
		Code: strings.ToUpper(string(reason)), Message: why, Raw: raw(&record), AtMs: time.Now().UnixMilli(),
		Source: &events.Source{Topic: from.Cluster + "/" + from.Topic, Partition: from.Partition, Offset: from.Offset},
	})
	if err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	letter.Key = fmt.Appendf(nil, "%s/%s/%d", from.Cluster, from.Topic, from.Partition)
	letter.Timestamp = time.Now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.log.Append(ctx, []events.Record{letter})
	return err
}

// raw is what a letter has of a record.
func raw(r *events.Record) *events.RawRecord {
	out := &events.RawRecord{ValueNull: r.Value == nil}
	left := maxRaw
	cut := func(b []byte) []byte {
		if len(b) > left {
			out.Truncated = true
			b = events.Cut(b, left)
		}
		left -= len(b)
		return b
	}
	out.Key = cut(r.Key)
	headers := r.AllHeaders()
	if len(headers) > events.MaxHeaders {
		out.Truncated = true
		headers = headers[:events.MaxHeaders]
	}
	for _, h := range headers {
		key := strings.ToValidUTF8(string(cut([]byte(h.Key))), "\uFFFD")
		out.Headers = append(out.Headers, &events.RawHeader{Key: key, Value: cut(h.Value)})
	}
	out.Value = cut(r.Value)
	return out
}
