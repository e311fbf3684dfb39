package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// part is a piece of a system: a broker, its topics, a service.
type part struct {
	name string
	// needs are ready before it starts and stop after it. They were added
	// before it, so there is no circle.
	needs []*part
	start starter
	ready chan struct{} // closed when start has returned without an error
	stop  func()        // of start, once that has returned
}

// starter returns when a part is ready, with what stops it (nil if there is
// nothing to stop), which is called after an error, too. It gives up when ctx ends.
type starter func(ctx context.Context) (stop func(), err error)

// parts are those of a system, each after all that it needs.
type parts []*part

func (ps *parts) add(name string, start starter, needs ...*part) *part {
	p := &part{name: name, needs: needs, start: start, ready: make(chan struct{})}
	*ps = append(*ps, p)
	return p
}

// start starts all parts side by side, each when what it needs is ready. It
// returns when all are ready, or with the first error when no start runs any
// more; in both cases they are to be stopped.
func (ps parts) start(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range ps {
		group.Go(func() error { return p.begin(ctx) })
	}
	return group.Wait()
}

func (p *part) begin(ctx context.Context) error {
	for _, need := range p.needs {
		select {
		case <-need.ready:
		case <-ctx.Done():
			return fmt.Errorf("start the %s: the %s is not ready: %w", p.name, need.name, context.Cause(ctx))
		}
	}
	var err error
	if p.stop, err = p.start(ctx); err != nil {
		return err
	}
	close(p.ready)
	return nil
}

// stop stops all parts side by side, each when those that need it have stopped.
// As long as that takes, slow is told every so often what it waits for.
func (ps parts) stop(every time.Duration, slow func(stopping []string)) {
	stopped := make(map[*part]chan struct{}, len(ps))
	for _, p := range ps {
		stopped[p] = make(chan struct{})
	}
	for _, p := range ps {
		go func() {
			defer close(stopped[p])
			for _, q := range ps.needing(p) {
				<-stopped[q]
			}
			if p.stop != nil {
				p.stop()
			}
		}()
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for _, p := range ps {
		for !closed(stopped[p]) {
			select {
			case <-stopped[p]:
			case <-tick.C:
				slow(ps.stopping(stopped))
			}
		}
	}
}

// needing are the parts that need p.
func (ps parts) needing(p *part) parts {
	var out parts
	for _, q := range ps {
		if slices.Contains(q.needs, p) {
			out = append(out, q)
		}
	}
	return out
}

// stopping names the parts that were told to stop and have not.
func (ps parts) stopping(stopped map[*part]chan struct{}) []string {
	var out []string
	for _, p := range ps {
		waits := slices.ContainsFunc(ps.needing(p), func(q *part) bool { return !closed(stopped[q]) })
		if !waits && !closed(stopped[p]) {
			out = append(out, p.name)
		}
	}
	return out
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
