package tasks

import (
	"fmt"
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// versionWhole of the fold has matching both ways, order and pools. An event that
// an older one does not know must not stand before the log was raised to the
// version that has it: old and new binaries would make different states of it.
const versionWhole = 2

// needsVersion: what only the newer fold knows.
func (w *world) needsVersion(where chain.At, what string) {
	if w.p.Version() == chain.FirstVersion {
		w.p.Find("G5", where, "%s, but the log was not raised to fold version %d", what, versionWhole)
	}
}

// checkSpec: a task that demands what only the newer fold knows, and whose
// payload is still there.
func (w *world) checkSpec(where chain.At, spec *events.Task) {
	if spec.GetPrefer() != "" || spec.GetNotBeforeMs() != 0 || spec.GetLimitKey() != "" || spec.GetLimit() != 0 ||
		len(spec.GetAfter()) > 0 || spec.GetPayloadAt() != 0 {
		w.needsVersion(where, "a task with demands of fold version 2 was accepted")
	}
	if from := spec.GetPayloadAt(); from != 0 && from < w.floor {
		w.p.Find("G1", where, "its payload is that of offset %d, and all below %d was to be deleted before", from, w.floor)
	}
}

// payloadAt is the offset of the event that has the payload of a task.
func payloadAt(where chain.At, spec *events.Task) int64 {
	switch {
	case spec.GetPayloadAt() != 0:
		return spec.GetPayloadAt()
	case len(spec.GetPayload()) > 0:
		return where.Offset
	}
	return -1
}

// truncate: nothing that is still needed may be deleted.
func (w *world) truncate(where chain.At, before int64) {
	w.floor = max(w.floor, before)
	if before > where.Offset {
		w.p.Find("G1", where, "all below offset %d is to be deleted, this event included", before)
		return
	}
	var broken []*task
	check := func(t *task) {
		if t.payloadAt >= 0 && t.payloadAt < before {
			broken = append(broken, t)
		}
	}
	for _, t := range w.tasks {
		check(t)
	}
	for _, in := range w.importing {
		for _, t := range in.tasks {
			check(t)
		}
	}
	slices.SortFunc(broken, oldest)
	for _, t := range broken {
		where.Task = t.id
		w.p.Find("G1", where, "all below offset %d is to be deleted, and the task, which has not ended, has its payload at %d",
			before, t.payloadAt)
	}
}

// Forget implements chain.Contents. Tokens grow on: handlers have passed them to
// stores that lost nothing.
func (w *world) Forget() string {
	fresh := newWorld(w.p, past{memory: w.past.memory, lives: w.past.lives + 1})
	fresh.views, fresh.floor = w.views, w.floor
	fresh.expected, fresh.landed, fresh.tokens = w.expected, w.landed, w.tokens
	forgotten := fmt.Sprintf("%d tasks that had not ended are forgotten", len(w.tasks))
	*w = fresh
	return forgotten
}
