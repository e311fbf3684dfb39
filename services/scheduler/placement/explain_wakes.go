package placement

import "github.com/spanway/spanway/pkg/predicate"

// What can wake a waiting task.
const (
	WakesOnCapacityFreed  = "CAPACITY_FREED"
	WakesOnEngineJoined   = "ENGINE_JOINED"
	WakesOnEngineResumed  = "ENGINE_RESUMED"
	WakesOnLabelsChanged  = "LABELS_CHANGED"
	WakesOnBackoffEnded   = "BACKOFF_ENDED"
	WakesOnSchedulerReads = "SCHEDULER_READS"
	WakesOnTimeReached    = "TIME_REACHED"
	WakesOnUsageMoves     = "USAGE_MOVES"
	WakesOnDependency     = "DEPENDENCY_ENDED"
	WakesOnLimitFreed     = "LIMIT_FREED"
	WakesOnPromotion      = "POOL_PROMOTED"
)

// wakesOn is what can wake a task that waits for that reason.
func (ex *explainer) wakesOn() []string {
	var on []string
	switch ex.x.Reason {
	case Replaced:
		return []string{WakesOnPromotion}
	case Backoff:
		return []string{WakesOnBackoffEnded}
	case NotBefore:
		return []string{WakesOnTimeReached}
	case After:
		return []string{WakesOnDependency}
	case AtLimit:
		return []string{WakesOnLimitFreed}
	case NotRead:
		return []string{WakesOnSchedulerReads}
	case NoCapacity:
		on = []string{WakesOnCapacityFreed, WakesOnEngineJoined, WakesOnLabelsChanged}
		if ex.measured {
			on = append([]string{WakesOnUsageMoves}, on...)
		}
	case UnknownAttribute, PredicateFalse:
		on = []string{WakesOnEngineJoined, WakesOnLabelsChanged}
		if ex.pred.Reads().Live() {
			on = append([]string{WakesOnCapacityFreed}, on...)
		}
		if ex.pred.Reads().Has(predicate.EngineUsed) {
			on = append([]string{WakesOnUsageMoves}, on...)
		}
	default:
		on = []string{WakesOnEngineJoined}
	}
	if ex.x.Counts.Draining > 0 {
		on = append(on, WakesOnEngineResumed)
	}
	return on
}
