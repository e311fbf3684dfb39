package placement

import "github.com/spanway/spanway/pkg/events"

// Received tells what a prepared heartbeat says of the pool's log: the newest
// event that the engine has read of it. ok is false for all other inputs.
func Received(in *Prepared) (engine events.EngineID, epoch, n uint32, ok bool) {
	if in == nil {
		return "", 0, 0, false
	}
	m, ok := in.message.(*events.EngineHeartbeat)
	if !ok {
		return "", 0, 0, false
	}
	return events.EngineID(m.EngineId), m.ReceivedEpoch, m.ReceivedN, true
}
