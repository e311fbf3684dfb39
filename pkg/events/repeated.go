package events

import "sync/atomic"

// seen holds the latest text of each of a few shapes.
var seen [32]atomic.Pointer[string]

// maxRepeated bounds what seen keeps alive.
const maxRepeated = 256

// repeated returns b as a string, and the same one if it is what came last with
// this length and end: few texts repeat, but those for every record.
func repeated(b []byte) string {
	if len(b) == 0 || len(b) > maxRepeated {
		return string(b)
	}
	at := &seen[(31*len(b)+int(b[len(b)-1]))%len(seen)]
	if s := at.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := string(b)
	at.Store(&s)
	return s
}
