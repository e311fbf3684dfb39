package sharedlog

import "context"

// Waiting is how many calls wait for their verdicts, and their bytes, when all that is in the
// log is folded.
func (h *Host) Waiting() (calls, bytes int) {
	_ = h.Read(context.Background(), true, func(Core, Position) {})
	return h.Held()
}

// Held is how many calls wait for their verdicts, and their bytes.
func (h *Host) Held() (calls, bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls), h.buffer
}

// Waiters is how many callers wait for the host to get on.
func (h *Host) Waiters() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting
}
