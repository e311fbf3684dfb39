package ids

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/spanway/spanway/pkg/events"
)

// GeneratorConfig says where a Generator's identifiers come from.
type GeneratorConfig struct {
	Space string
	// Owner is what holds the ranges, for people and for releases; if empty the names of host
	// and process, and a fresh one.
	Owner string
	// Count is how many identifiers are taken at once at most; 1024 if 0. Where the space
	// allows fewer (CodeBadCount) it is halved, for as long as the generator lives: it does not
	// grow again when the space comes to allow more.
	Count int64
}

// Generator hands out identifiers, each once. It takes a range while half of the one
// before is left, so most calls need no round trip: one identifier first, then twice as
// many each time, so that it never takes many more than are used; and where the space has
// no such range, the largest that it has. It is safe for concurrent use.
//
// What it takes has no lease, for nobody can tell the allocators when an identifier that
// was handed out is not in use any more: that stays held until someone releases it. What a
// process that was killed had taken and not handed out stays held, too, under its Owner.
type Generator struct {
	client *Client
	grant  func(context.Context, Want) (Grant, error) // that of client
	cfg    GeneratorConfig
	ctx    context.Context
	stop   context.CancelFunc
	taking sync.WaitGroup

	mu      sync.Mutex
	ranges  []Grant // From is the next identifier to hand out
	left    int64
	count   int64 // how many to ask for
	took    int64 // how many the newest range had
	asked   bool
	changed chan struct{} // closed when something was taken, or could not be
	err     error         // why the last range could not be taken
	closed  bool
}

// NewGenerator makes a generator; it takes its first range at once. Close it before the
// client.
func (c *Client) NewGenerator(cfg GeneratorConfig) (*Generator, error) {
	if err := events.CheckID("the space", cfg.Space); err != nil {
		return nil, err
	}
	if cfg.Count == 0 {
		cfg.Count = 1024
	}
	if cfg.Count < 1 {
		return nil, fmt.Errorf("generate identifiers of space %q: Count is %d; give at least 1", cfg.Space, cfg.Count)
	}
	if cfg.Owner == "" {
		host, _ := os.Hostname() // Without one the rest must do.
		cfg.Owner = fmt.Sprintf("%.200s:%d/%s", host, os.Getpid(), newID())
	}
	g := &Generator{client: c, grant: c.Grant, cfg: cfg, count: 1, changed: make(chan struct{})}
	g.ctx, g.stop = context.WithCancel(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take()
	return g, nil
}

// Next returns an identifier that no one else has, now or later, as long as the space does
// not release what it is given: one is handed out once, also by another process or after a
// crash. It waits, no longer than ctx, if there is none left.
func (g *Generator) Next(ctx context.Context) (int64, error) {
	g.mu.Lock()
	for {
		if g.closed {
			g.mu.Unlock()
			return 0, fmt.Errorf("generate an identifier of space %q: %w", g.cfg.Space, ErrClosed)
		}
		if len(g.ranges) > 0 {
			id := g.pop()
			if g.left <= g.took/2 {
				g.take()
			}
			g.mu.Unlock()
			return id, nil
		}
		g.take()
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("generate an identifier of space %q: %w", g.cfg.Space, ctx.Err())
		}
		g.mu.Lock()
		if len(g.ranges) == 0 && g.err != nil {
			err := g.err
			g.mu.Unlock()
			return 0, fmt.Errorf("generate an identifier of space %q: %w", g.cfg.Space, err)
		}
	}
}

// NewID is Next as text.
func (g *Generator) NewID(ctx context.Context) (string, error) {
	id, err := g.Next(ctx)
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(id, 10), nil
}

func (g *Generator) pop() int64 {
	r := &g.ranges[0]
	id := r.From
	g.left--
	if r.From++; r.From > r.To {
		g.ranges = g.ranges[1:]
	}
	return id
}

// take asks for a range, unless one is asked for; g.mu is held. Its request ID is fresh,
// so what a process of before was granted is never handed out again.
func (g *Generator) take() {
	if g.asked || g.closed {
		return
	}
	g.asked = true
	want := Want{Space: g.cfg.Space, Count: g.count, Owner: g.cfg.Owner, RequestID: newID()}
	g.taking.Go(func() {
		grant, err := g.grant(g.ctx, want)
		var unanswered *Unanswered
		for g.ctx.Err() == nil && g.client.ctx.Err() == nil {
			if errors.As(err, &unanswered) { // It waited; the same request finds its grant.
				grant, err = g.grant(g.ctx, want)
				if errors.As(err, &unanswered) { // After a refusal fewer may be granted.
					g.tell(err)
				}
				continue
			}
			if want.Count = g.fewer(want.Count, err); want.Count < 1 {
				break
			}
			want.RequestID = newID()
			grant, err = g.grant(g.ctx, want)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.asked = false
		if g.err = err; err == nil {
			g.ranges = append(g.ranges, grant)
			g.took = grant.To - grant.From + 1
			g.left += g.took
			g.count = min(2*g.took, g.cfg.Count)
		}
		g.wake()
	})
}

// fewer is how many to ask for in place of so many that were refused; 0 if that is of no use.
func (g *Generator) fewer(than int64, err error) int64 {
	var refused *Refused
	switch {
	case !errors.As(err, &refused):
	case refused.Code == events.CodeExhausted:
		return min(than-1, refused.Room.GetLargestFree())
	case refused.Code == events.CodeBadCount: // The space allows fewer, always.
		g.mu.Lock()
		defer g.mu.Unlock()
		g.cfg.Count = than / 2
		return g.cfg.Count
	}
	return 0
}

// tell tells those that wait why there is nothing yet.
func (g *Generator) tell(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
	g.wake()
}

func (g *Generator) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// Close ends the generator, and returns what is left to the space, no longer than ctx. What
// it cannot return stays held under its owner's name.
func (g *Generator) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	g.wake()
	g.mu.Unlock()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		g.taking.Wait()
	}()
	select { // What is taken just now is returned, too.
	case <-taken:
	case <-ctx.Done():
	}
	g.stop()
	<-taken
	g.mu.Lock()
	left := g.ranges
	g.ranges, g.left = nil, 0
	g.mu.Unlock()
	var failed error
	for _, r := range left {
		err := g.client.ReleasePart(ctx, r, r.From, r.To)
		failed = errors.Join(failed, err)
	}
	return failed
}
