package placement

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// maxStepMs is how far one event can move the time by which things are forgotten.
const maxStepMs = 60_000

// lastMs is the end of the year 9999, in milliseconds since the Unix epoch. With times up
// to there can be calculated.
const lastMs = 253_402_300_799_999

// moment is the time that an event names. One that is none is the nearest that is.
func moment(ms int64) int64 { return min(max(ms, 0), lastMs) }

// passed folds the time of an event. newest never goes back; aged is what the
// log has lived: the steps between its events, each cut to a minute. So a host
// whose clock is a day ahead does not make the log forget a day.
func (s *State) passed(m proto.Message) {
	if e, ok := m.(interface{ GetAtMs() int64 }); ok {
		if at := moment(e.GetAtMs()); at > s.newest {
			s.aged += min(at-s.newest, maxStepMs)
			s.newest = at
		}
	}
}

// tenure is the time of the host that decides. None of it is folded.
type tenure struct {
	begun bool
	// began and heard are the host's clock at the first decision and now; base is
	// the newest event's time at the first.
	began, heard, base int64
	// rejected is when heartbeats that are refused were rejected last.
	rejected map[badBeat]int64
}

// tell gives the time of what is decided now. It is the host's clock, unless a
// host before it wrote times ahead of that: then it goes on from those, slower
// by a sixteenth, until the clock is level with it. So neither events nor the
// timers that began with them go back, and pauses take about their time.
func (s *State) tell(now events.Clock) int64 {
	u := &s.tenure
	if !u.begun {
		*u = tenure{begun: true, began: now.Now, base: s.newest}
	}
	u.heard = max(u.heard, now.Now)
	return u.heard + u.ahead()
}

// ahead is by how much the time that was told last is ahead of the host's clock. It
// falls.
func (u *tenure) ahead() int64 {
	since := u.heard - u.began
	return max(0, u.base+since-since/16-u.heard)
}
