package placement

import "github.com/spanway/spanway/pkg/events"

// An engine whose heartbeats are refused, because its pool has a bad name for one, goes on to send one
// a second. Its first is rejected, with a dead letter, and then one an hour.
const (
	beatAgainMs = 3_600_000
	// maxBadBeats bounds what is remembered of them; when it is full, all is forgotten.
	maxBadBeats = 1000
)

// badBeat is why the heartbeats of an engine are refused.
type badBeat struct {
	engine string
	code   events.Code
}

// beatOf is the engine of a refused heartbeat, as far as it can be read.
func beatOf(rec *events.Record, why *events.Malformed) *badBeat {
	_, known, err := events.DecodeKnown(rec)
	m, ok := known.(*events.EngineHeartbeat)
	if err != nil || !ok {
		return nil
	}
	return &badBeat{m.EngineId[:min(len(m.EngineId), events.MaxIDBytes)], why.Code}
}

// repeats reports whether a refused heartbeat was rejected within the last hour, and notes
// that it is now if it was not.
func (u *tenure) repeats(b *badBeat) bool {
	if b == nil {
		return false
	}
	at, known := u.rejected[*b]
	if known && u.heard-at < beatAgainMs {
		return true
	}
	if u.rejected == nil || !known && len(u.rejected) >= maxBadBeats {
		u.rejected = map[badBeat]int64{}
	}
	u.rejected[*b] = u.heard
	return false
}
