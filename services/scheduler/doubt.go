package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/spanway/spanway/services/scheduler/placement"
)

// doubtsEvery is how often an engine that is not believed is named.
const doubtsEvery = 30 * time.Second

// doubts counts the receipts that are not believed, and names one now and then: its
// engine has read a forged record, is out of order, or the report itself is forged.
func (s *Service) doubts(partition int32, now func() time.Time) func(placement.Receipt) {
	var named time.Time
	return func(r placement.Receipt) {
		s.metrics.doubted.Add(context.Background(), 1, s.metrics.at(partition))
		if s.logger == nil || !named.IsZero() && now().Sub(named) < doubtsEvery {
			return
		}
		named = now()
		s.logger.Warn("an engine says that it has read what the log does not hold; it is not believed unless it keeps to it or another says so, too",
			slog.String("engine", string(r.Engine)), slog.String("incarnation", r.Incarnation),
			slog.Int64("partition", int64(partition)), slog.Uint64("epoch", uint64(r.Epoch)), slog.Uint64("n", uint64(r.N)))
	}
}
