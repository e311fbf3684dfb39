package copying

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// checkpoints are those of a table log with events.CheckpointPartitions partitions. The key
// of one names its copy, generation and claim, so that a writer which was fenced overwrites
// none but its own.
type checkpoints struct {
	client  *kafka.Client
	topic   string
	encoder events.Encoder
	logger  *slog.Logger

	mu     sync.Mutex
	shards map[int32]*shard
}

// shard is one partition, as far as it was read.
type shard struct {
	log *kafka.Partition

	mu   sync.Mutex
	next int64
	held map[string]map[string]mirror.Checkpoint // by copy, then by key
}

// NewCheckpoints makes Checkpoints of a topic, which must exist. source is its writer's
// name in CloudEvents.
func NewCheckpoints(client *kafka.Client, topic, source string, logger *slog.Logger) Checkpoints {
	if logger == nil {
		logger = slog.Default()
	}
	return &checkpoints{client: client, topic: topic, encoder: events.Encoder{Source: source}, logger: logger, shards: map[int32]*shard{}}
}

func (c *checkpoints) shard(id string) *shard {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := events.CopyPartition(id)
	s := c.shards[p]
	if s == nil {
		s = &shard{log: c.client.Partition(c.topic, p), held: map[string]map[string]mirror.Checkpoint{}}
		c.shards[p] = s
	}
	return s
}

// Saved implements Checkpoints.
func (c *checkpoints) Saved(ctx context.Context, id string) (*mirror.Checkpoint, error) {
	return c.SavedFor(ctx, id, func(*mirror.Checkpoint) bool { return true })
}

// SavedFor implements Checkpoints: it reads what was saved since it was called last.
func (c *checkpoints) SavedFor(ctx context.Context, id string, fits func(*mirror.Checkpoint) bool) (*mirror.Checkpoint, error) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		page, err := s.log.Fetch(ctx, s.next, 0)
		var out *kafka.OutOfRange
		if errors.As(err, &out) && out.Start != s.next { // Deleted from the front, or created again.
			s.next = out.Start
			clear(s.held)
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			if err := s.take(&page.Records[i]); err != nil {
				c.logger.Warn("a checkpoint cannot be read, and counts as none", "topic", c.topic, "partition", events.CopyPartition(id),
					"offset", page.Records[i].Offset, "error", err)
			}
		}
		if s.next = page.Next; s.next >= page.End {
			return s.best(id, fits), nil
		}
	}
}

// take takes a record of the log over.
func (s *shard) take(r *events.Record) error {
	key := string(r.Key)
	if r.Value == nil {
		if id, _, ok := strings.Cut(key, "#"); ok {
			delete(s.held[id], key)
		}
		return nil
	}
	_, decoded, err := events.Decode(r)
	if err != nil {
		return err
	}
	m, ok := decoded.(*events.ReplicationCheckpointed)
	if !ok {
		return fmt.Errorf("it is a %s", events.TypeOf(decoded))
	}
	if s.held[m.Copy] == nil {
		s.held[m.Copy] = map[string]mirror.Checkpoint{}
	}
	s.held[m.Copy][key] = fromWire(m)
	return nil
}

// best is the one that counts of those that fit; nil if there is none.
func (s *shard) best(id string, fits func(*mirror.Checkpoint) bool) (best *mirror.Checkpoint) {
	for _, c := range s.held[id] {
		if fits(&c) && (best == nil || c.Newer(best)) {
			best = &c
		}
	}
	return best
}

// Save implements Checkpoints. It takes those away that count less.
func (c *checkpoints) Save(ctx context.Context, id string, mark mirror.Checkpoint) error {
	m := toWire(id, &mark)
	key := fmt.Sprintf("%s#%d.%d", id, mark.Generation, mark.Claim)
	record, err := c.encoder.Encode(key, m)
	if err != nil {
		return fmt.Errorf("encode the checkpoint of %s: %w", id, err)
	}
	record.Key, record.Timestamp = []byte(key), m.AtMs
	s := c.shard(id)
	batch := append([]events.Record{record}, s.lesser(id, &mark, m.AtMs)...)
	_, err = s.log.Append(ctx, batch)
	return err
}

// lesser are tombstones of the checkpoints of a copy that count less than another.
func (s *shard) lesser(id string, than *mirror.Checkpoint, at int64) (all []events.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, c := range s.held[id] {
		if than.Newer(&c) {
			all = append(all, events.Record{Key: []byte(key), Timestamp: at})
			delete(s.held[id], key)
		}
	}
	return all
}
