package network

// Policy says what becomes of an object of a site's own that has the path of a global one.
type Policy uint8

// Policies of types.
const (
	// GlobalWins: the global one is realised in its place.
	GlobalWins Policy = iota + 1
	// LocalWins: the site's own stays.
	LocalWins
	// Refuse: the one that comes second is refused. A global one waits, as a conflict, until
	// the site's own is deleted.
	Refuse
)

// Conflict is the reason why a global object is not realised where the site's own stays.
const Conflict = "CONFLICT"

// PolicyOf is the policy of a type: what carries addresses is not replaced behind anybody's
// back; a site knows best who is in its groups; and rules hold everywhere.
func PolicyOf(t Type) Policy {
	switch t {
	case GroupType:
		return LocalWins
	case SegmentType, RouterType:
		return Refuse
	}
	return GlobalWins
}

// Mends tells whether what has drifted is realised again without being asked to: all but
// what carries addresses, of which somebody should see first what was found.
func Mends(t Type) bool { return t != SegmentType && t != RouterType }
