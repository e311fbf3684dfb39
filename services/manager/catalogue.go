package manager

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// globalLogs are the topics of a global manager.
func globalLogs(t events.Topics) []events.Log {
	changes := t.NetworkChanges()
	return []events.Log{t.NetworkLog(t.NetworkRequests()), t.NetworkLog(changes), t.NetworkLog(events.Snapshots(changes))}
}

// localLogs are the topics of a local manager. Those of tasks are the scheduler's: they are
// neither made nor cut here.
func localLogs(t events.Topics) []events.Log {
	status := t.NetworkLog(t.NetworkStatus())
	if !slices.Contains(status.Inputs, t.Events()) { // The catalogue does not name it yet.
		status.Inputs = append(slices.Clone(status.Inputs), t.Events())
	}
	logs := []events.Log{status, t.NetworkLog(t.NetworkInbox()), t.NetworkLog(events.Snapshots(t.NetworkStatus()))}
	for _, topic := range []string{t.Events(), t.Requests()} {
		l, _ := t.Log(topic)
		l.Foreign = true
		logs = append(logs, l)
	}
	return logs
}
