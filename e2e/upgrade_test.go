//go:build upgrade

package e2e_test

import (
	"testing"
)

// Two releases side by side, at each of some older commits: programs that use Spanway and all
// services are of the older one, of this one, and of both; each service is replaced, process by
// process, forward, back, and forward again in the other order, under load. Nothing is lost,
// nothing is there twice, and both releases find that all holds.
//
// It runs with the tag upgrade only (make e2e-upgrade), for it needs the history.
func TestUpgrade(t *testing.T) {
	// Allocators of before do not know grants that stand together (ADR 33): stop all of them,
	// start new ones, and there is no way back. All else is mixed.
	t.Run("allocators first, all at once", func(t *testing.T) {
		t.Parallel()
		w := newUpgrade(t, "b3682691bfe6eb6860ae9589b6a0bc30e43374ba")
		w.start(w.old, theSchedulers, theEngines, theAllocators, theKeepers, theReplicators)
		w.declare()
		w.use(w.old, "tasks,queue,ids")
		w.use(w.now, "tasks,queue")
		w.progress("before anything is replaced")
		w.snapshotted()
		w.roll(w.now, theSchedulers, theEngines, theKeepers, theReplicators)
		w.roll(w.old, theSchedulers, theEngines, theKeepers, theReplicators)
		w.verify(w.old)
		w.verify(w.now)

		w.replaceAtOnce(w.now, theAllocators)
		w.use(w.now, "ids")
		w.roll(w.now, theReplicators, theKeepers, theEngines, theSchedulers)
		w.judge(w.now)
	})
	t.Run("one process at a time", func(t *testing.T) {
		t.Parallel()
		w := newUpgrade(t, "9967a8a7c191dd8c8677a3ea2354bd31d20a213c")
		w.start(w.old, theSchedulers, theEngines, theAllocators, theKeepers, theReplicators)
		w.declare()
		w.use(w.old, "tasks,queue,ids")
		w.use(w.now, "tasks,queue,ids")
		w.progress("before anything is replaced")
		w.snapshotted()
		w.roll(w.now, theSchedulers, theEngines, theAllocators, theKeepers, theReplicators)
		w.roll(w.old, theSchedulers, theEngines, theAllocators, theKeepers, theReplicators)
		w.roll(w.now, theReplicators, theKeepers, theAllocators, theEngines, theSchedulers)
		w.judge(w.old, w.now)
	})
	// What is declared by either release is realised, whichever of them has the global and which
	// the local managers, and while there are both of a role.
	t.Run("managers", func(t *testing.T) {
		t.Parallel()
		w := newManaged(t, "f2c1ef9bd2350d9b6eda9d0f160c46b321d7344c")
		w.begin(w.old)
		w.roll(w.now, "local")
		w.roll(w.now, "global")
		w.roll(w.old, "local")
		w.roll(w.old, "global")
		w.roll(w.now, "global")
		w.roll(w.now, "local")
		w.judge()
	})
}
