package placement

import "github.com/spanway/spanway/pkg/events"

// Receipt is what a heartbeat says of the pool's log: the newest event that the engine has
// read of it.
type Receipt struct {
	Engine      events.EngineID
	Incarnation string
	Epoch, N    uint32
}

// Received is the receipt of a prepared heartbeat. ok is false for all other inputs.
func Received(in *Prepared) (r Receipt, ok bool) {
	m, ok := heartbeatIn(in)
	if !ok {
		return Receipt{}, false
	}
	return Receipt{events.EngineID(m.EngineId), m.Incarnation, m.ReceivedEpoch, m.ReceivedN}, true
}

// VoidReceipt makes a heartbeat that claims to have read what the log does not hold a mere
// sign of life: no attempt is given back for it.
func VoidReceipt(in *Prepared) {
	if m, ok := heartbeatIn(in); ok {
		m.ReceivedEpoch, m.ReceivedN = 0, 0
	}
}

func heartbeatIn(in *Prepared) (*events.EngineHeartbeat, bool) {
	if in == nil {
		return nil, false
	}
	m, ok := in.message.(*events.EngineHeartbeat)
	return m, ok
}
