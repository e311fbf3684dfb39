package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/replication"
)

// Scripts compare with these numbers, which are promised (docs/compatibility.md). An error is
// found wherever it is in what was wrapped around it.
func TestExitCodesArePromised(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&client.Refused{Code: events.CodePoolFull}, 1},
		{&queue.Refused{Code: events.CodeQueueFull}, 1},
		{&ids.Refused{Code: events.CodeExhausted}, 1},
		{&replication.Refused{Code: events.CodeUnknownLink}, 1},
		{Usage("a flag that there is not"), 2},
		{errors.New("no broker answers"), 3},
		{&ids.Refused{Code: events.CodeStoreUnavailable}, 3},
		{&client.TaskFailed{}, 4},
		{&interrupted{errors.New("a signal")}, 130},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("what was being done: %w", err)
		}
		if got := ExitCode(err); got != c.want {
			t.Errorf("%T %v: exit code %d, want %d", c.err, c.err, got, c.want)
		}
	}
}
