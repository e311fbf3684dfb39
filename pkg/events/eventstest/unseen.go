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
