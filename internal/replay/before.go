package replay

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Begin tells of the state before the first event, where the log's beginning is
// gone: the engines that are there and the pool's settings. Tasks that had not
// ended are left out, because their requests are not in the log any more.
func (r *Recorder) Begin(s *placement.State) {
	at := moment{offset: -1, turn: unplaced}
	if v := s.FoldVersion(); v > 1 {
		r.step(at, &events.LogFoldVersionRaised{Version: v})
		r.step(at, &events.PoolConfigured{Pool: string(r.rec.Pool), Settings: s.Settings(r.rec.Pool)})
	}
	for e := range s.Engines(r.rec.Pool) {
		if e.State != "ready" && e.State != "draining" {
			continue
		}
		r.present[e.ID] = e.Incarnation
		r.step(at, &events.EngineRegistered{Engine: e.Registration, AtMs: e.RegisteredMs})
		if e.State == "draining" {
			r.step(at, &events.EngineDraining{EngineId: e.ID, Incarnation: e.Incarnation, Pool: e.Pool, Reason: e.Reason, AtMs: e.ChangedMs})
		}
	}
	for t := range s.Tasks(r.rec.Pool) {
		if !t.Ended() {
			r.rec.leftOut++
		}
	}
}
