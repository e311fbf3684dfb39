package run

import (
	"context"

	"github.com/spanway/spanway/pkg/queue"
)

// newQueues keeps every queue of the site, so that a lease ends though only commands use
// the queue.
func (x *site) newQueues() (service, error) {
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	close(ready) // Nothing waits for it: what a queue holds is the queue's with or without it.
	return &queues{ready, func(ctx context.Context) {
		queue.Keep(ctx, x.cluster, queue.Options{
			Prefix: x.cfg.Prefix, JSON: x.cfg.JSON, Snapshots: x.cfg.Logs.Snapshots(), Logger: x.log, Meter: meter,
		})
	}}, nil
}

// queues is queue.Keep as a service.
type queues struct {
	ready chan struct{}
	keep  func(ctx context.Context)
}

func (q *queues) Ready() <-chan struct{} { return q.ready }

func (q *queues) Run(ctx context.Context) error {
	q.keep(ctx)
	return nil
}
