package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/manager/network"
)

// All delivers to every site that the fold has, each by itself: a site that is added gets its
// delivery at once, and that of a site which is retired ends.
type All struct {
	Fold  Fold
	Board *trouble.Board
	// Open makes what the delivery to a site works with, but for Site, Fold and Board: its queue,
	// and what reaches its cluster by a connection of its own. It is called again after an error,
	// and after what ended the delivery, later and later. shut gives it back.
	Open func(ctx context.Context, site string) (cfg Config, shut func(), err error)
	// Runs, if set, is told of each delivery that begins, and calls what it returns once that has
	// ended.
	Runs func(site string, d *Delivery) (ended func())
	// Remove, if set, removes what is kept for a site that was retired: its queue. What is not there
	// is no error. It is called once the delivery to the site has ended, and again after an error.
	Remove func(ctx context.Context, site string) error
}

// removes bounds one attempt to remove what is kept for a site.
const removes = 30 * time.Second

// Run delivers until ctx ends; then it returns nil. The error is a *NewerTermError: another global
// manager has taken over.
func (a *All) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop(nil)
	type one struct {
		stop  context.CancelFunc
		ended chan struct{}
	}
	sites := map[string]one{}
	removed := map[string]bool{}
	ended := make(chan struct{}, 1) // A delivery has: another one may begin in its place.
	begin := func(name string, run func(ctx context.Context) error) {
		once, end := context.WithCancel(ctx)
		of := one{end, make(chan struct{})}
		sites[name] = of
		running.Go(func() {
			defer end()
			if err := run(once); err != nil {
				stop(err)
			}
			close(of.ended)
			select {
			case ended <- struct{}{}:
			default:
			}
		})
	}
	for {
		moved := a.Fold.Moved()
		there, gone := a.there()
		for name, of := range sites {
			if !there[name] && !removed[name] {
				of.stop()
			}
			select {
			case <-of.ended:
				delete(sites, name)
			default:
			}
		}
		for name := range there {
			if _, runs := sites[name]; !runs {
				begin(name, func(ctx context.Context) error { return a.deliver(ctx, name) })
			}
			delete(removed, name)
		}
		for _, name := range gone {
			if _, runs := sites[name]; !runs && !removed[name] && a.Remove != nil {
				removed[name] = true
				begin(name, func(ctx context.Context) error { return a.remove(ctx, name) })
			}
		}
		select {
		case <-moved:
		case <-ended:
		case <-ctx.Done():
			return taken(context.Cause(ctx))
		}
	}
}

// taken is a *NewerTermError, or nil of all else that ends a context.
func taken(cause error) error {
	var newer *NewerTermError
	if errors.As(cause, &newer) {
		return cause
	}
	return nil
}

// there are the sites that the fold has, and those that were retired.
func (a *All) there() (names map[string]bool, gone []string) {
	names = map[string]bool{}
	a.Fold.Look(func(core *network.Core) {
		for _, s := range core.State().Sites() {
			names[s.Name] = true
		}
		gone = core.Gone()
	})
	return names, gone
}

// remove removes what is kept for a site, unless the site comes back before that could be done.
func (a *All) remove(ctx context.Context, name string) error {
	try := a.Board.New(fmt.Sprintf("remove the queue of site %s, which is retired", name))
	defer try.End()
	for pause := firstPause; ctx.Err() == nil; {
		once, cancel := context.WithTimeout(ctx, removes)
		err := a.Remove(once, name)
		cancel()
		if err == nil {
			return nil
		}
		if there, _ := a.there(); there[name] {
			return nil
		}
		try.Again(ctx, err, pause/2+rand.N(pause/2+1))
		pause = min(2*pause, longestPause)
	}
	return nil
}

// deliver delivers to a site until ctx ends. What ends a delivery before that is told of, and
// another one begun. The error is a *NewerTermError.
func (a *All) deliver(ctx context.Context, name string) error {
	try := a.Board.New(fmt.Sprintf("deliver to site %s", name))
	defer try.End()
	for pause := firstPause; ctx.Err() == nil; {
		began := time.Now()
		err := a.once(ctx, name, try)
		var newer *NewerTermError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &newer):
			return err
		case time.Since(began) > longestPause:
			pause = firstPause
		}
		try.Again(ctx, err, pause/2+rand.N(pause/2+1))
		pause = min(2*pause, longestPause)
	}
	return nil
}

func (a *All) once(ctx context.Context, name string, try *trouble.Try) error {
	cfg, shut, err := a.Open(ctx, name)
	if err != nil {
		return err
	}
	defer shut()
	try.Passed()
	cfg.Site, cfg.Fold, cfg.Board = name, a.Fold, a.Board
	d := New(cfg)
	if a.Runs != nil {
		defer a.Runs(name, d)()
	}
	return d.Run(ctx)
}
