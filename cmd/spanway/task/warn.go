package task

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// warnPatience is how long the look at the engines of a pool may hold a
	// submission up.
	warnPatience = time.Second
	// mostWarnings of one file: who has not read them by then never will.
	mostWarnings = 10
)

// asked is a predicate in a pool.
type asked struct{ pool, predicate string }

// warner warns of predicates that name what no known engine has, such as a label
// misspelt. It never keeps a task from being submitted: the engine that has the
// label may be still to come.
type warner struct {
	client  *cli.Conn
	engines map[string][]*query.Engine // by pool
	seen    map[asked]bool
	given   int
}

func newWarner(c *cli.Conn) *warner {
	return &warner{client: c, engines: map[string][]*query.Engine{}, seen: map[asked]bool{}}
}

// about returns what is to be said of a request, if anything; of each predicate
// that is said once.
func (w *warner) about(ctx context.Context, r *events.TaskRequested) string {
	a := asked{r.Pool, r.Predicate}
	if a.pool == "" {
		a.pool = string(events.DefaultPool)
	}
	if a.predicate == "" || w.given > mostWarnings || w.seen[a] {
		return ""
	}
	w.seen[a] = true
	unknown := query.Unknown(a.predicate, w.enginesOf(ctx, a.pool))
	if len(unknown) == 0 {
		return ""
	}
	w.given++
	if w.given > mostWarnings {
		return "warning: there are more predicates that name what no known engine has"
	}
	return fmt.Sprintf("warning: no known engine of pool %q has %s, which the predicate %q names; see \"spanway engine list\"",
		a.pool, strings.Join(unknown, " or "), a.predicate)
}

// enginesOf looks once at the engines of a pool; at none if that takes long.
func (w *warner) enginesOf(ctx context.Context, pool string) []*query.Engine {
	if known, ok := w.engines[pool]; ok {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, warnPatience)
	defer cancel()
	engines, _, err := w.client.Engines(ctx, events.Pool(pool))
	if err != nil {
		engines = nil // A warning is not worth an error.
	}
	w.engines[pool] = engines
	return engines
}
