package placement

import (
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// narrate tells an event in one line.
func narrate(l events.Logged) string {
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		if m.Task.ReplayOf != "" {
			return fmt.Sprintf("accepted %s, a retry of %s", m.Task.Id, m.Task.ReplayOf)
		}
		return "accepted " + m.Task.Id
	case *events.TaskRejected:
		return fmt.Sprintf("rejected %s: %s: %s", m.TaskId, m.Code, m.Message)
	case *events.TaskRepeated:
		return fmt.Sprintf("repeated %s, ended at %d", m.TaskId, m.EndedAtOffset)
	case *events.TaskAssigned:
		text := fmt.Sprintf("assigned %s to %s, attempt %d, token %d", m.TaskId, m.EngineId, m.Attempt, m.Token)
		if m.Score != nil {
			text += ", score " + texts.Score(*m.Score)
		}
		return text
	case *events.TaskStarted:
		return fmt.Sprintf("started %s on %s", m.TaskId, m.EngineId)
	case *events.TaskProgressed:
		return fmt.Sprintf("progressed %s: %d bytes of %s", m.TaskId, len(m.Data), m.DataType)
	case *events.TaskSucceeded:
		return fmt.Sprintf("succeeded %s on %s", m.TaskId, m.EngineId)
	case *events.TaskFailed:
		return fmt.Sprintf("failed %s: %s", m.TaskId, m.Error.GetCode())
	case *events.TaskAttemptFailed:
		return fmt.Sprintf("attempt %d of %s failed: %s", m.Attempt, m.TaskId, m.Error.GetCode())
	case *events.TaskAttemptReturned:
		return fmt.Sprintf("attempt %d of %s returned: %s", m.Attempt, m.TaskId, m.Reason)
	case *events.TaskAssignmentRefused:
		return fmt.Sprintf("%s refused %s: %s", m.EngineId, m.TaskId, m.Code)
	case *events.TaskRetryScheduled:
		return fmt.Sprintf("retry %d of %s in %v", m.Attempt, m.TaskId, time.Duration(m.NotBeforeMs-m.AtMs)*time.Millisecond)
	case *events.TaskExpired:
		return "expired " + m.TaskId
	case *events.TaskReserved:
		return fmt.Sprintf("reserved %s for %s", m.EngineId, m.TaskId)
	case *events.PoolImported:
		return fmt.Sprintf("imported part %d of %s: %d tasks, %d known here, %d ended", m.Part.Number, m.Part.ImportId, len(m.Part.Tasks), m.Known, (len(m.Part.Succeeded)+len(m.Part.Failed))/16)
	case *events.PoolPromoted:
		return fmt.Sprintf("promoted by the import %s: %d tasks, tokens above %d, of %s", m.ImportId, m.Tasks, m.Token, m.Of)
	case *events.PoolReplaced:
		return "replaced: " + m.Reason
	case *events.PoolConfigured:
		return fmt.Sprintf("configured: reserve after %v, weights %v", time.Duration(m.Settings.ReserveAfterMs)*time.Millisecond, m.Settings.TenantWeights)
	case *events.TaskCancelled:
		if strings.HasPrefix(m.Reason, "DEPENDENCY_FAILED") {
			return fmt.Sprintf("cancelled %s: %s", m.TaskId, m.Reason)
		}
		if m.EngineId != "" {
			return fmt.Sprintf("cancelled %s on %s", m.TaskId, m.EngineId)
		}
		return "cancelled " + m.TaskId
	case *events.TaskBulkCancelStarted:
		return fmt.Sprintf("bulk cancel of %d", m.Matched)
	case *events.TaskDeadLettered:
		return fmt.Sprintf("dead-lettered %s after %d attempts: %s", m.TaskId, m.Attempts, m.Error.GetCode())
	case *events.TaskStaleResultRejected:
		return fmt.Sprintf("stale result of %s rejected: %s under token %d", m.TaskId, m.Outcome, m.Token)
	case *events.LogFoldVersionRaised:
		return fmt.Sprintf("fold version %d", m.Version)
	case *events.EngineRegistered:
		return fmt.Sprintf("engine %s registered, incarnation %s", m.Engine.Id, m.Engine.Incarnation)
	case *events.EngineRegistrationRefused:
		return fmt.Sprintf("engine %s refused: %s: %s", m.EngineId, m.Code, m.Message)
	case *events.EngineObserved:
		return fmt.Sprintf("engine %s observed: uses %s", m.EngineId, texts.Amounts(m.Used))
	case *events.EngineDraining:
		return fmt.Sprintf("engine %s draining: %s", m.EngineId, m.Reason)
	case *events.EngineResumed:
		return fmt.Sprintf("engine %s resumed", m.EngineId)
	case *events.EngineLost:
		return fmt.Sprintf("engine %s lost with %d attempts: %s", m.EngineId, m.Attempts, m.Reason)
	case *events.EngineDeparted:
		return fmt.Sprintf("engine %s departed with %d attempts", m.EngineId, m.Attempts)
	}
	return string(l.Type)
}
