package delivery_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/delivery"
)

// A global manager can tell it.
var _ manager.Delivery = (*delivery.Tenure)(nil)

// It delivers while the log is owned, never twice at once, and tells when that ends by itself.
func TestTenure(t *testing.T) {
	began, end, fails := make(chan int), make(chan error), make(chan bool)
	n := 0 // Of one call at a time: the race detector would see two.
	board := trouble.NewBoard(slog.New(slog.DiscardHandler))
	tenure := &delivery.Tenure{Board: board, Deliver: func(ctx context.Context) error {
		n++
		began <- n
		select {
		case <-fails:
			return errors.New("a newer term")
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
	fails <- true
	tenure.Disowned()
	tenure.Owned(nil)
	wait(3)
	closed := make(chan struct{})
	go func() {
		tenure.Close()
		close(closed)
	}()
	end <- nil
	<-closed
	(&delivery.Tenure{}).Close()
}
