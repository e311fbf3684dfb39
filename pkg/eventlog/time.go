package eventlog

import "google.golang.org/protobuf/proto"

// lastMs is the end of the year 9999 in milliseconds since the Unix epoch. What an event
// says beyond it is no time: all that follows would have to stand still there.
const lastMs = 253_402_300_799_999

// lossMs is the time of a loss as it is told to receivers, who heed none that is before
// one they know. Each is above the one before, so there must be others above it.
func lossMs(atMs int64) int64 {
	if atMs > 2*lastMs {
		return lastMs
	}
	return atMs
}

// newest is the highest time of the events of a log, in milliseconds since the Unix
// epoch. The times of a log never go back, whatever the clocks of its owners say.
type newest int64

// pass takes the time of an event, if it has one.
func (n *newest) pass(m proto.Message) {
	if e, ok := m.(interface{ GetAtMs() int64 }); ok {
		n.raise(e.GetAtMs())
	}
}

func (n *newest) raise(atMs int64) { *n = max(*n, newest(min(atMs, lastMs))) }

// stamp is the time of an event that the runtime itself writes now.
func (t *tenure[I]) stamp() int64 { return max(t.clock.Now, int64(t.newest)) }
