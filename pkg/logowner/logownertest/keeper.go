package logownertest

import (
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
)

// KeeperPort is a keeper of a log that is empty.
type KeeperPort struct {
	Keeper eventlog.Keeper
	// Settle lets the job that is under way go on, and waits until it has ended. Until
	// then it may not have.
	Settle func()
}

// Keeper tests a keeper.
func Keeper(t *testing.T, with func(t *testing.T, body func(k KeeperPort))) {
	t.Helper()
	t.Run("one job at a time", func(t *testing.T) {
		with(t, func(k KeeperPort) { oneJob(t, k) })
	})
	t.Run("each outcome is told once", func(t *testing.T) {
		with(t, func(k KeeperPort) { toldOnce(t, k) })
	})
}

func (k KeeperPort) start(t *testing.T, want bool) {
	t.Helper()
	if got := k.Keeper.Start(eventlog.Job{}); got != want {
		t.Errorf("start of a job returned %v", got)
	}
}

func (k KeeperPort) done(t *testing.T, want bool) {
	t.Helper()
	if out, ok := k.Keeper.Done(); ok != want || out.Err != nil {
		t.Errorf("done returned %+v, %v", out, ok)
	}
}

func oneJob(t *testing.T, k KeeperPort) {
	if k.Keeper.Busy() {
		t.Error("it is busy before the first job")
	}
	k.done(t, false)
	k.start(t, true)
	if !k.Keeper.Busy() {
		t.Error("it is not busy with a job that has not ended")
	}
	k.start(t, false)
	k.done(t, false)
	k.Settle()
	if k.Keeper.Busy() {
		t.Error("it is busy after the job has ended")
	}
	k.start(t, true)
	k.Settle()
}

func toldOnce(t *testing.T, k KeeperPort) {
	for range 2 { // Without a question in between.
		k.start(t, true)
		k.Settle()
	}
	k.done(t, true)
	k.done(t, true)
	k.done(t, false)
}
