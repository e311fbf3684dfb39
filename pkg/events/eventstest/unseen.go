package eventstest

import (
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Unseen lists the types of events that begin with a prefix, such as "spanway.queue.", and
// that seen counts none of: what a generator of random logs never makes. That time passes is
// an event of every shared log.
func Unseen(seen map[events.Type]int, prefix string) []events.Type {
	return slices.DeleteFunc(events.Types(), func(t events.Type) bool {
		here := strings.HasPrefix(string(t), prefix) || t == events.TypeLogTimePassed
		return !here || events.KindOf(t) != events.Event || seen[t] > 0
	})
}

// Covered makes random runs until each of the counts has seen all types of events that begin
// with a prefix, and fails if some are never made: one round of few runs may miss one by
// chance, many rounds do not.
func Covered(t test, prefix string, round func(), counts ...map[events.Type]int) {
	t.Helper()
	const rounds = 50
	var never []events.Type
	for range rounds {
		round()
		if never = nil; t.Failed() {
			return
		}
		for _, seen := range counts {
			never = append(never, Unseen(seen, prefix)...)
		}
		if len(never) == 0 {
			return
		}
	}
	t.Errorf("none of %d rounds had %q", rounds, never)
}

// test is what Covered needs of a *testing.T: packages that are no tests do not import that.
type test interface {
	Helper()
	Failed() bool
	Errorf(format string, args ...any)
}
