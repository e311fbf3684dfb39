package task

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

const (
	// warnPatience is how long the look at the engines of a pool may hold a
	// submission up.
	warnPatience = 3 * time.Second
	// mostWarnings of one file: who has not read them by then never will.
	mostWarnings = 10
	// mostSeen bounds what is remembered of what was looked at.
	mostSeen = 20_000
)

// asked is what a request asks of the engines of a pool.
type asked struct{ pool, kind, predicate, needs string }

// warner warns of what no known engine can satisfy: a pool without engines, a kind that
// none handles, a predicate that names what none has, such as a label misspelt, or
// compares a label with a value of another kind, and needs that none has so much of. It
// never keeps a task from being submitted: the engine may be still to come.
type warner struct {
	client  *cli.Conn
	engines map[string][]*query.Engine // by pool; nil if they are not known
	seen    map[asked]bool
	given   int
}

func newWarner(c *cli.Conn) *warner {
	return &warner{client: c, engines: map[string][]*query.Engine{}, seen: map[asked]bool{}}
}

// about returns what is to be said of a request, if anything; of requests that ask the
// same that is said once.
func (w *warner) about(ctx context.Context, r *events.TaskRequested) string {
	a := asked{string(poolOr(r.Pool)), r.Kind, r.Predicate, fmt.Sprint(r.Needs)}
	if w.given > mostWarnings || w.seen[a] {
		return ""
	}
	if len(w.seen) >= mostSeen {
		clear(w.seen)
	}
	w.seen[a] = true
	said := ""
	if engines := w.enginesOf(ctx, a.pool); engines != nil {
		said = doubt(a, r, engines)
	}
	if said == "" {
		return ""
	}
	w.given++
	if w.given > mostWarnings {
		return "warning: there are more tasks that no known engine can take"
	}
	return "warning: " + said + "; see \"spanway engine list\""
}

// doubt says what no known engine has of what a request asks, the first of it.
func doubt(a asked, r *events.TaskRequested, engines []*query.Engine) string {
	engines = slices.DeleteFunc(slices.Clone(engines), func(e *query.Engine) bool {
		return e.State != query.EngineReady && e.State != query.EngineDraining
	})
	handles := func(e *query.Engine) bool { return slices.Contains(e.Kinds, a.kind) }
	switch {
	case len(engines) == 0:
		return fmt.Sprintf("pool %q has no engine", a.pool)
	case a.kind != "" && !slices.ContainsFunc(engines, handles):
		return fmt.Sprintf("no known engine of pool %q handles kind %q", a.pool, a.kind)
	}
	if unknown := query.Unknown(a.predicate, engines); len(unknown) > 0 {
		return fmt.Sprintf("no known engine of pool %q has %s, which the predicate %q names", a.pool, strings.Join(unknown, " or "), a.predicate)
	}
	if mismatched := query.Mismatched(a.predicate, engines); len(mismatched) > 0 {
		return fmt.Sprintf("in pool %q the predicate %q can be true of no known engine: %s", a.pool, a.predicate, strings.Join(mismatched, "; "))
	}
	needs, err := request.Needs(r.Needs)
	if err != nil {
		return "" // It is refused, which says more.
	}
	return lacking(a.pool, needs, engines)
}

// lacking says of what the task needs more than any engine of a pool has.
func lacking(pool string, needs map[string]int64, engines []*query.Engine) string {
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		most, has := int64(0), ""
		for _, e := range engines {
			if n, ok := e.Allocatable[name]; ok && (has == "" || n > most) {
				most, has = n, e.ID
			}
		}
		switch amount := needs[name]; {
		case amount == 0:
		case has == "":
			return fmt.Sprintf("no known engine of pool %q has any %s, of which the task needs %d", pool, name, amount)
		case amount > most:
			return fmt.Sprintf("no known engine of pool %q has %s=%d, which the task needs; the most is %d, on %s", pool, name, amount, most, has)
		}
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
	switch {
	case err != nil:
		engines = nil // A warning is not worth an error.
	case engines == nil:
		engines = []*query.Engine{} // There is none, which is known.
	}
	w.engines[pool] = engines
	return engines
}
