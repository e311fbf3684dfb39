package replicator

import (
	"context"
	"reflect"
	"sync"

	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/selection"
)

// job is a copy that is wanted, with what its link says of how it runs.
type job struct {
	selection.Copy
	source *view
	claim  int64 // of its link to the target topic; 0: it is to be told first
}

// same says that a copy which runs by one may go on by the other.
func (j *job) same(as *job) bool {
	return j.source == as.source && j.Link == as.Link && j.Unfenced == as.Unfenced && reflect.DeepEqual(j.Config, as.Config)
}

// copier runs a copy until its context ends: a *copying.Copier.
type copier interface{ Run(ctx context.Context) }

// copies are those that run here. It is for one goroutine.
type copies struct {
	// begin makes the copier of a job.
	begin func(j job, limit *copying.Limiter) copier
	// stopped tells whether a copy has stopped by itself.
	stopped func(id string) bool
	running map[string]*runningCopy // by ID
	parting map[string]*runningCopy // stopped, and perhaps not at their end
	limits  map[string]*copying.Limiter
	ending  sync.WaitGroup
}

type runningCopy struct {
	job
	stop context.CancelFunc
	done chan struct{}
}

func newCopies(begin func(job, *copying.Limiter) copier, stopped func(id string) bool) *copies {
	return &copies{begin: begin, stopped: stopped, running: map[string]*runningCopy{}, parting: map[string]*runningCopy{}, limits: map[string]*copying.Limiter{}}
}

// limit sets the limits of a link, also for its copies that run.
func (c *copies) limit(link string, bytesPerSecond, recordsPerSecond int64) {
	if l := c.limits[link]; l != nil {
		l.Set(bytesPerSecond, recordsPerSecond)
		return
	}
	c.limits[link] = copying.NewLimiter(bytesPerSecond, recordsPerSecond)
}

// set has those run that are given, by ID, and no others. What runs by the same
// configuration is not touched, unless it has stopped and is to be tried again.
func (c *copies) set(ctx context.Context, wanted map[string]job) (started, stopped int) {
	for id, r := range c.parting {
		if closed(r.done) {
			delete(c.parting, id)
		}
	}
	for id, r := range c.running {
		j, ok := wanted[id]
		again := j.Resumed > r.Resumed && c.stopped(id)
		r.Resumed = j.Resumed
		if !ok || again || !r.same(&j) {
			r.stop()
			stopped++
			delete(c.running, id)
			c.parting[id] = r
		}
	}
	for id, j := range wanted {
		if c.running[id] == nil {
			c.start(ctx, j)
			started++
		}
	}
	return started, stopped
}

// start begins a copy, once the one before it has ended.
func (c *copies) start(ctx context.Context, j job) {
	before := c.parting[j.ID]
	ctx, stop := context.WithCancel(ctx)
	r := &runningCopy{job: j, stop: stop, done: make(chan struct{})}
	c.running[j.ID] = r
	run := c.begin(j, c.limits[j.Link])
	c.ending.Go(func() {
		defer close(r.done)
		defer stop()
		if before != nil {
			<-before.done
		}
		run.Run(ctx)
	})
}

// stop stops all, and waits until they have ended.
func (c *copies) stop() {
	for id, r := range c.running {
		r.stop()
		delete(c.running, id)
	}
	c.ending.Wait()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
