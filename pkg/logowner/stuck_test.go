package logowner

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// A partition that has no room for long is told of, once, and when it has taken what was
// held back; a burst is not.
func TestStuckPartitionsAreToldOf(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.UnixMilli(0)
	s := newStuck(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now })
	burst, dead := eventlog.TopicPartition{Topic: "burst"}, eventlog.TopicPartition{Topic: "dead"}
	s.heldBack(burst, true)
	s.heldBack(dead, true)
	now = now.Add(stuckAfter / 2)
	s.look()
	s.heldBack(burst, false)
	for range 3 {
		now = now.Add(stuckAfter)
		s.look()
	}
	s.heldBack(dead, false)
	if n := strings.Count(out.String(), "\n"); n != 2 || strings.Count(out.String(), "to_topic=dead") != 2 {
		t.Errorf("told %d times:\n%s", n, out.String())
	}
	s.heldBack(dead, true)
	s.forget()
	now = now.Add(time.Hour)
	if s.look(); strings.Count(out.String(), "\n") != 2 {
		t.Errorf("told of a tenure that is over:\n%s", out.String())
	}
}
