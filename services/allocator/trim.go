package allocator

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
)

// trimmer deletes requests behind what the group has committed: they are answered.
type trimmer struct {
	topic string
	from  deleter
	log   *slog.Logger

	mu     sync.Mutex
	behind map[int32]int64 // committed, and not deleted yet
}

// deleter deletes what a partition holds below an offset.
type deleter interface {
	DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error
}

// trimInterval is how often requests are deleted.
const trimInterval = time.Second

func newTrimmer(topic string, from deleter, log *slog.Logger) *trimmer {
	return &trimmer{topic: topic, from: from, log: log, behind: map[int32]int64{}}
}

// committed notes that everything below an offset is handled.
func (t *trimmer) committed(_ string, partition int32, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind[partition] = max(t.behind[partition], offset)
}

func (t *trimmer) run(ctx context.Context) {
	for trouble.Pause(ctx, trimInterval) {
		t.once(ctx)
	}
}

func (t *trimmer) once(ctx context.Context) {
	t.mu.Lock()
	due := maps.Clone(t.behind)
	clear(t.behind)
	t.mu.Unlock()
	for partition, offset := range due {
		if offset == 0 {
			continue
		}
		if err := t.from.DeleteRecords(ctx, t.topic, partition, offset); err != nil && ctx.Err() == nil {
			t.log.Warn("requests that are answered were not deleted; they are with the next ones",
				"topic", t.topic, "partition", partition, "below", offset, "error", err)
			t.committed(t.topic, partition, offset)
		}
	}
}
