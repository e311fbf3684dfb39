package mirror

import (
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Routing copies only records that name this site among their destinations.
type Routing struct {
	// Header holds the names of sites, separated by commas. Spaces around a name and
	// names that stand twice do not matter.
	Header string
	// Site is the one that this copy is for.
	Site string
	// Allowed are the sites that a record may name; none is any. The header never widens
	// it: a name outside is as an unknown one.
	Allowed []string
	// Unrouted copies a record whose header is missing or names no site.
	Unrouted bool
	// Unknown says what becomes of a record that names a site outside of Allowed: Stop
	// takes it for one that cannot be copied (Policies.Uncopyable decides), GoOn passes over the
	// name.
	Unknown Policy
}

// MaxDestinations is the size in bytes of the longest header that is read.
const MaxDestinations = 4096

// wants says whether the record is for this site; ok is false if it cannot be told.
func (r *Routing) wants(record *events.Record) (wanted, ok bool) {
	value, found := record.Header(r.Header)
	if len(value) > MaxDestinations {
		return false, false
	}
	named := false
	for name := range strings.SplitSeq(string(value), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		named = true
		if len(r.Allowed) > 0 && !slices.Contains(r.Allowed, name) {
			if r.Unknown == Stop {
				return false, false
			}
			continue
		}
		wanted = wanted || name == r.Site
	}
	if !found || !named {
		return r.Unrouted, true
	}
	return wanted, true
}
