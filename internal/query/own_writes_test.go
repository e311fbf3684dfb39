package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// TestATaskIsShownAtOnce: what was submitted a moment ago is not said to be unknown.
func TestATaskIsShownAtOnce(t *testing.T) {
	h := newHouse(t)
	c, q, ctx := h.client(t), h.query(), runtest.Within(t)
	for i := range 30 {
		id := events.TaskID(fmt.Sprint("t", i))
		if _, err := c.Submit(ctx, client.Task{ID: id, Kind: "none"}); err != nil {
			t.Fatal(err)
		}
		if task, _, err := q.Task(ctx, "", id); err != nil || task.ID != string(id) {
			t.Fatalf("task %s right after its submission: %v, %v", id, task, err)
		}
	}
}

// idle is a cluster on which no scheduler runs. Its partitions are empty but for those
// that were written to.
type idle map[string]*memlog.Log

func (l idle) Partition(topic string, n int32) eventlog.Log {
	if log := l[fmt.Sprint(topic, n)]; log != nil {
		return log
	}
	return memlog.New()
}

func (l idle) Offsets(ctx context.Context, topic string, n int32) (start, end int64, err error) {
	return eventlog.Bounds(ctx, l.Partition(topic, n))
}

// TestATaskThatNoSchedulerRead: that it was asked for is said, not that it is unknown.
func TestATaskThatNoSchedulerRead(t *testing.T) {
	r, err := events.Encoder{Source: "/test"}.Encode("a", &events.TaskRequested{TaskId: "a", Pool: "default", Kind: "k"})
	if err != nil {
		t.Fatal(err)
	}
	requests := memlog.New()
	if _, err := requests.Append(t.Context(), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
	q := New(Config{Logs: idle{fmt.Sprint(events.Topics{Prefix: events.DefaultPrefix}.Requests(), events.PoolPartition("default")): requests}})
	for id, want := range map[events.TaskID]string{"a": "no scheduler has decided it yet", "b": "no task"} {
		_, _, err := q.Task(t.Context(), "", id)
		var refused *client.Refused
		if !errors.As(err, &refused) || refused.Code != events.CodeUnknownTask || !strings.Contains(err.Error(), want) {
			t.Errorf("task %s: %v, want %q", id, err, want)
		}
	}
}
