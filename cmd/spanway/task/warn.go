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

// warner warns of predicates that no known engine can satisfy: that name what none has,
// such as a label misspelt, or compare a label with a value of another kind. It never keeps a task from being submitted: the engine that has the
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
	said := w.doubt(a, w.enginesOf(ctx, a.pool))
	if said == "" {
		return ""
	}
	w.given++
	if w.given > mostWarnings {
		return "warning: there are more predicates that no known engine can satisfy"
	}
	return "warning: " + said + "; see \"spanway engine list\""
}

// doubt says what no known engine has of what a predicate names, or has of another kind.
func (w *warner) doubt(a asked, engines []*query.Engine) string {
	if unknown := query.Unknown(a.predicate, engines); len(unknown) > 0 {
		return fmt.Sprintf("no known engine of pool %q has %s, which the predicate %q names", a.pool, strings.Join(unknown, " or "), a.predicate)
	}
	if mismatched := query.Mismatched(a.predicate, engines); len(mismatched) > 0 {
		return fmt.Sprintf("in pool %q the predicate %q can be true of no known engine: %s", a.pool, a.predicate, strings.Join(mismatched, "; "))
	}
	return ""
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
