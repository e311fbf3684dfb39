package delivery_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/delivery"
)

// A global manager can tell it.
var _ manager.Delivery = (*delivery.Tenure)(nil)

// forbidden is what is denied for now.
type forbidden struct{}

func (*forbidden) Error() string { return "a right is missing" }
func (*forbidden) Denied() bool  { return true }

// It delivers while the log is owned, never twice at once, begins again what has ended by itself,
// but not when another has taken over, and tells of both.
func TestTenure(t *testing.T) {
	began, end, fails := make(chan int), make(chan error), make(chan error)
	n := 0 // Of one call at a time: the race detector would see two.
	board := trouble.NewBoard(slog.New(slog.DiscardHandler))
	tenure := &delivery.Tenure{Board: board, Deliver: func(ctx context.Context, begun func()) error {
		n++
		began <- n
		begun()
		select {
		case err := <-fails:
			return err
		case <-ctx.Done():
			return <-end // It takes its time.
		}
	}}
	wait := func(want int) {
		t.Helper()
		select {
		case got := <-began:
			if got != want {
				t.Fatalf("this is delivery %d, not %d", got, want)
			}
		case <-time.After(time.Minute): // It only bounds a hang.
			t.Fatalf("delivery %d did not begin", want)
		}
	}
	tenure.Disowned()
	tenure.Owned(nil)
	wait(1)
	tenure.Disowned()
	tenure.Owned(nil) // It begins only when the one before has ended.
	select {
	case <-began:
		t.Fatal("there are two deliveries")
	case end <- nil:
	}
	wait(2)
	tenure.Counted(nil, nil)
	tenure.Observe(nil)
	if err := board.Err(); err != nil {
		t.Errorf("it delivers, and is in trouble: %v", err)
	}
	fails <- &forbidden{}
	wait(3)
	fails <- &delivery.NewerTermError{Site: "ams", Term: 1}
	for board.Err() == nil || !strings.Contains(board.Err().Error(), "newer term") {
		select {
		case <-began:
			t.Fatal("it goes on in an older term")
		case <-time.After(time.Millisecond):
		}
	}
	tenure.Disowned()
	tenure.Owned(nil)
	wait(4)
	closed := make(chan struct{})
	go func() {
		tenure.Close()
		close(closed)
	}()
	end <- nil
	<-closed
	(&delivery.Tenure{}).Close()
}
