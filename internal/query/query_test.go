package query

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/services/scheduler/placement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct{ *runtest.House }

func newHouse(t *testing.T) house {
	t.Helper()
	return house{runtest.Start(t)}
}

func (h house) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Cluster: h.Cluster()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (h house) query() *Querier { return New(Config{Logs: h.Cluster()}) }

func TestADrainedEngineTakesNothing(t *testing.T) {
	h := newHouse(t)
	c, q, ctx := h.client(t), h.query(), runtest.Within(t)
	if err := c.Drain(ctx, "", "e1", "new kernel"); err != nil {
		t.Fatal(err)
	}
	e, err := q.Engine(ctx, "", "e1")
	if err != nil || e.State != EngineDraining || e.Reason != "new kernel" {
		t.Errorf("the engine is %+v, %v", e, err)
	}
	id, err := c.Submit(ctx, client.Task{Kind: "echo"})
	if err != nil {
		t.Fatal(err)
	}
	x, err := q.Why(ctx, "", id)
	if err != nil || x.Reason != placement.NoEngine {
		t.Errorf("Why returns %+v, %v; want NO_ENGINE", x, err)
	}
	if err := c.Cancel(ctx, "", id, ""); err != nil {
		t.Fatal(err)
	}
	task, l, err := q.Task(ctx, "", id)
	if err != nil || task.State != string(client.Cancelled) || len(l.History) != 2 {
		t.Errorf("the task is %+v with %d events, %v", task, len(l.History), err)
	}
}
