package sharedlog

import "context"

// Waiting is how many calls wait for their verdicts, and their bytes, when all that is in the
// log is folded.
func (h *Host) Waiting() (calls, bytes int) {
	_ = h.Read(context.Background(), true, func(Core, Position) {})
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls), h.buffer
}
