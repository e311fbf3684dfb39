package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// EventView is an event as -o json prints it; data is its protojson mapping.
type EventView struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Epoch     uint32          `json:"epoch"`
	N         uint32          `json:"n"`
	Type      events.Type     `json:"type"`
	At        string          `json:"at,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	// Text is the data of progress, if that is text.
	Text *string `json:"text,omitempty"`
}

// ViewEvent is an event for -o json.
func ViewEvent(e client.Event) EventView {
	v := EventView{
		Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Epoch: e.Epoch, N: e.N,
		Type: e.Type, At: Stamp(e.AtMs),
	}
	if e.Message != nil {
		if data, err := events.MarshalJSON(e.Message); err == nil {
			v.Data = data
		}
	}
	if m, ok := e.Message.(*events.TaskProgressed); ok {
		v.Text = Text(m.Data)
	}
	return v
}

// EventLine is an event for people: when, where, what, and what matters of it.
func EventLine(e client.Event) string {
	name := strings.TrimSuffix(strings.TrimPrefix(string(e.Type), "spanway."), ".v1")
	return strings.TrimRight(fmt.Sprintf("%-24s  @%-6d %-26s %s", Dash(Stamp(e.AtMs)), e.Offset, name, detail(e)), " ")
}

// detail is what an event says besides its type and its task or engine.
func detail(e client.Event) string {
	switch m := e.Message.(type) {
	case *events.TaskAccepted:
		return fmt.Sprintf("kind %s, priority %d", m.Task.GetKind(), m.Task.GetPriority())
	case *events.TaskAssigned:
		return fmt.Sprintf("engine %s, attempt %d, token %d", m.EngineId, m.Attempt, m.Token)
	case *events.TaskStarted:
		return "engine " + m.EngineId
	case *events.TaskProgressed:
		return strings.TrimSpace(fmt.Sprintf("%s %.60q", strings.TrimPrefix(m.DataType, "text/x-"), m.Data))
	case *events.TaskSucceeded:
		return fmt.Sprintf("engine %s, attempt %d, %d bytes", m.EngineId, m.Attempt, len(m.Result))
	case *events.TaskRejected:
		return m.Code + ": " + m.Message
	case *events.TaskRetryScheduled:
		return fmt.Sprintf("attempt %d in %s", m.Attempt, render.Ms(m.NotBeforeMs-m.AtMs))
	case *events.TaskCancelled:
		return m.Reason
	case *events.TaskAttemptReturned:
		return m.Reason
	case *events.TaskBulkCancelStarted:
		return fmt.Sprintf("%d tasks: %s", m.Matched, m.Reason)
	case *events.TaskReserved:
		return "engine " + m.EngineId
	case *events.PoolConfigured:
		return fmt.Sprintf("reserve after %s, weights %s", ReserveAfter(m.Settings), Dash(Weights(m.Settings.GetTenantWeights())))
	case *events.PoolImported:
		return fmt.Sprintf("part %d with %d tasks, %d known here", m.Part.GetNumber(), len(m.Part.GetTasks()), m.Known)
	case *events.PoolPromoted:
		return fmt.Sprintf("%d tasks of %s, tokens above %d: %s", m.Tasks, m.Of, m.Token, m.Reason)
	case *events.PoolReplaced:
		return m.Reason
	case *events.EngineRegistered:
		return fmt.Sprintf("%s with %s", m.Engine.GetId(), render.Amounts(m.Engine.GetAllocatable()))
	case *events.EngineLost:
		return fmt.Sprintf("%s with %d attempts: %s", m.EngineId, m.Attempts, m.Reason)
	case *events.EngineDeparted:
		return fmt.Sprintf("%s with %d attempts", m.EngineId, m.Attempts)
	case interface{ GetError() *events.TaskError }:
		return strings.TrimSuffix(m.GetError().GetCode()+": "+m.GetError().GetMessage(), ": ")
	}
	return ""
}

// ErrorView is an error as -o json prints it.
type ErrorView struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

// ReserveAfter says after which time of waiting a pool reserves engines.
func ReserveAfter(s *events.PoolSettings) string {
	switch ms := s.GetReserveAfterMs(); {
	case ms < 0:
		return "never"
	case ms == 0:
		return query.DefaultReserveAfter.String()
	default:
		return (time.Duration(ms) * time.Millisecond).String()
	}
}

// Weights shows which tenant has which weight: acme=3 zeta=2.
func Weights(m map[string]int32) string {
	var out []string
	for _, tenant := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s=%d", tenant, m[tenant]))
	}
	return strings.Join(out, " ")
}
