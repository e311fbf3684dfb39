package verify

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Versions of the fold. An event that an older one does not know must not stand
// before the log was raised to the version that has it: old and new binaries
// would make different states of it.
const (
	versionUnknown = 0 // the raise may stand in what was not seen
	versionFirst   = 1
	versionWhole   = 2 // matching both ways, order, pools
)

// followLog follows the events that are about the log itself.
func (w *world) followLog(where at, m any) {
	switch m := m.(type) {
	case *events.LogFoldVersionRaised:
		if m.GetVersion() <= w.version {
			w.p.find("G5", where, "raised to fold version %d; it has version %d already", m.GetVersion(), w.version)
		}
		w.version = max(w.version, m.GetVersion())
	case *events.LogTruncated:
		w.truncate(where, m.GetBefore())
	case *events.LogTailLost:
		w.p.find(RuleLoss, where, "acknowledged records are gone from the end of the log: %s had seen event %d of epoch %d, "+
			"but here the log ended with event %d of epoch %d; what followed that one is lost",
			m.GetWitness(), m.GetSeenN(), m.GetSeenEpoch(), m.GetN(), m.GetEpoch())
		w.p.lossy = true
		w.p.excuse(m.GetSeenEpoch())
	case *events.LogLossAccepted:
		w.p.find(RuleLoss, where, "the loss of offsets %d to %d was accepted (%q): %d tasks that had not ended are forgotten",
			m.GetFrom(), m.GetTo()-1, m.GetReason(), len(w.tasks))
		w.p.lossy = true
		w.p.excuse(w.p.chain.epoch)
		w.forget()
	}
}

// needsVersion: what only the newer fold knows.
func (w *world) needsVersion(where at, what string) {
	if w.version == versionFirst {
		w.p.find("G5", where, "%s, but the log was not raised to fold version %d", what, versionWhole)
	}
}

// checkSpec: a task that demands what only the newer fold knows, and whose
// payload is still there.
func (w *world) checkSpec(where at, spec *events.Task) {
	if spec.GetPrefer() != "" || spec.GetNotBeforeMs() != 0 || spec.GetLimitKey() != "" || spec.GetLimit() != 0 ||
		len(spec.GetAfter()) > 0 || spec.GetPayloadAt() != 0 {
		w.needsVersion(where, "a task with demands of fold version 2 was accepted")
	}
	if from := spec.GetPayloadAt(); from != 0 && from < w.floor {
		w.p.find("G1", where, "its payload is that of offset %d, and all below %d was to be deleted before", from, w.floor)
	}
}

// payloadAt is the offset of the event that has the payload of a task.
func payloadAt(where at, spec *events.Task) int64 {
	switch {
	case spec.GetPayloadAt() != 0:
		return spec.GetPayloadAt()
	case len(spec.GetPayload()) > 0:
		return where.offset
	}
	return -1
}

// truncate: nothing that is still needed may be deleted.
func (w *world) truncate(where at, before int64) {
	w.floor = max(w.floor, before)
	if before > where.offset {
		w.p.find("G1", where, "all below offset %d is to be deleted, this event included", before)
		return
	}
	var broken []*task
	for _, t := range w.tasks {
		if t.payloadAt >= 0 && t.payloadAt < before {
			broken = append(broken, t)
		}
	}
	slices.SortFunc(broken, oldest)
	for _, t := range broken {
		where.task = t.id
		w.p.find("G1", where, "all below offset %d is to be deleted, and the task, which has not ended, has its payload at %d",
			before, t.payloadAt)
	}
}

// forget begins anew with an empty state, of which all is known. Tokens grow on:
// handlers have passed them to stores that lost nothing.
func (w *world) forget() {
	fresh := newWorld(w.p)
	fresh.views, fresh.given, fresh.floor = w.views, w.given, w.floor
	fresh.expected, fresh.landed, fresh.version, fresh.tokens = w.expected, w.landed, versionUnknown, w.tokens
	*w = fresh
}

// blame is the rule under which it is found that an engine was told what the log
// does not have. After a loss that is no wonder.
func (p *Partition) blame() string {
	if p.lossy {
		return RuleLoss
	}
	return "G6"
}
