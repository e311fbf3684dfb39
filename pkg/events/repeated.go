package events

import (
	"hash/maphash"
	"sync/atomic"
)

// seen holds the latest text of each hash.
var (
	seen     [256]atomic.Pointer[string]
	seenSeed = maphash.MakeSeed()
)

// maxRepeated bounds what seen keeps alive.
const maxRepeated = 256

// repeated returns b as a string, and the same one if it is what came last with
// this hash: few texts repeat, but those for every record.
func repeated(b []byte) string {
	if len(b) == 0 || len(b) > maxRepeated {
		return string(b)
	}
	at := place(b)
	if s := at.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := string(b)
	at.Store(&s)
	return s
}

func place(b []byte) *atomic.Pointer[string] {
	return &seen[maphash.Bytes(seenSeed, b)%uint64(len(seen))]
}
