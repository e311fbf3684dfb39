package run

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

// Nobody who tries Spanway is greeted by a warning, and nothing is left behind.
func TestStartIsQuietAndStopLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	var log warnings
	s, err := Start(t.Context(), Config{Engines: 2, Logger: slog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Sites()) != 1 || s.Sites()[0].Kafka != s.Brokers()[0] {
		t.Errorf("sites are %+v, brokers %v", s.Sites(), s.Brokers())
	}
	s.Stop()
	log.none(t)
}

// What was acknowledged is there at the next start.
func TestDataIsKept(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	var ends []int64
	for range 2 {
		s, err := Start(t.Context(), Config{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, end, err := s.Cluster().Offsets(t.Context(), "spanway.tasks.events", 0)
		s.Stop()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if ends[0] < 1 || ends[1] <= ends[0] {
		t.Errorf("the log ends at %v; want at least one claim more at each start", ends)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Start returns %v", err)
	}
}
