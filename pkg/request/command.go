package request

import (
	"maps"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Limits of a pool's settings.
const (
	// MaxWeight is the largest weight of a tenant.
	MaxWeight  = 1_000
	maxWeights = 10_000
)

// Command checks a command that is no request for a task: a cancel, a retry, the
// drain or resumption of an engine, the settings of a pool, or its move to another site. Its pool is checked by
// Pool. It refuses what every scheduler would refuse for its form; the error is a
// *events.Malformed.
func Command(m proto.Message) error {
	switch m := m.(type) {
	case *events.TaskCancelRequested:
		return checkCancel(m)
	case *events.TaskRetryRequested:
		return events.CheckID("taskId", m.TaskId)
	case *events.EngineDrainRequested:
		if err := events.CheckID("engineId", m.EngineId); err != nil {
			return err
		}
		return checkText("reason", m.Reason)
	case *events.EngineResumeRequested:
		return events.CheckID("engineId", m.EngineId)
	case *events.PoolConfigureRequested:
		return checkSettings(m.Settings)
	case *events.PoolImportRequested:
		return checkImport(m)
	case *events.PoolPromoteRequested:
		return checkPromote(m)
	case *events.PoolReplaceRequested:
		return checkText("reason", m.Reason)
	}
	return nil
}

func checkCancel(m *events.TaskCancelRequested) error {
	if (m.Filter == nil) == (m.TaskId == "") {
		return bad("a cancel needs either taskId or filter")
	}
	if err := events.CheckOptionalID("taskId", m.TaskId); err != nil {
		return err
	}
	f := m.GetFilter()
	for _, name := range []struct{ what, text string }{
		{"filter.kind", f.GetKind()}, {"filter.tenant", f.GetTenant()}, {"filter.idPrefix", f.GetIdPrefix()},
	} {
		if err := events.CheckOptionalID(name.what, name.text); err != nil {
			return err
		}
	}
	return checkText("reason", m.Reason)
}

// checkSettings checks what replaces a pool's settings. None is all defaults.
func checkSettings(m *events.PoolSettings) error {
	if n := len(m.GetTenantWeights()); n > maxWeights {
		return bad("settings.tenantWeights names %d tenants; at most %d are allowed", n, maxWeights)
	}
	for _, tenant := range slices.Sorted(maps.Keys(m.GetTenantWeights())) {
		if err := events.CheckOptionalID("settings.tenantWeights", tenant); err != nil { // Tasks without a tenant share as one.
			return err
		}
		if w := m.TenantWeights[tenant]; w < 1 || w > MaxWeight {
			return bad("settings.tenantWeights[%q] is %d; it goes from 1 to %d", tenant, w, MaxWeight)
		}
	}
	if after := m.GetReserveAfterMs(); after > MaxTimeout.Milliseconds() {
		return bad("settings.reserveAfterMs is %d; at most %d are allowed, negative means never", after, MaxTimeout.Milliseconds())
	}
	return nil
}

func checkText(what, text string) error {
	if !utf8.ValidString(text) {
		return bad("%s %.200q is not valid UTF-8", what, text)
	}
	return nil
}
