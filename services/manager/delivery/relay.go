package delivery

import "github.com/spanway/spanway/services/manager/network"

// Relay decides when the global manager is told what was seen of a site: while its log does not
// show it yet, so that what is lost on the way is told again.
type Relay struct {
	// Every is the shortest time between two tellings, Again that between two of the same. In
	// milliseconds.
	Every, Again int64

	told Seen
	at   int64
}

// Next says whether to tell now, in milliseconds, or to wait.
func (r *Relay) Next(of network.Standing, seen Seen, now int64) Step {
	if !news(of, seen) {
		return Step{}
	}
	at := r.at + r.Every
	if r.at > 0 && r.told == seen {
		at = r.at + r.Again
	}
	if r.at > 0 && now < at {
		return Step{At: at}
	}
	return Step{Kind: Tell}
}

// Told notes that it was told.
func (r *Relay) Told(seen Seen, now int64) { r.told, r.at = seen, now }

// news tells whether the global manager does not know what was seen.
func news(of network.Standing, seen Seen) bool {
	switch {
	case seen.ahead(of):
		return true
	case seen.Term != of.Term:
		return false // What was applied in a term before says nothing in this one.
	}
	return seen.Sequence > of.Applied || of.Syncing && seen.Sync >= of.Sync || !of.Syncing && seen.Needs != ""
}
