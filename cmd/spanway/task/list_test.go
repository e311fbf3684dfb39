package task

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
)

// A list shows the newest of all pools first, and leaves the oldest out.
func TestListShowsTheNewestFirst(t *testing.T) {
	of := func(id string, ms int64) *query.Task {
		return &query.Task{TaskView: query.TaskView{ID: id, Pool: "p", AcceptedMs: ms}}
	}
	listings := []query.Listing{
		{AtMs: 9, Tasks: []*query.Task{of("oldest", 1), of("third", 5), of("second", 5)}},
		{AtMs: 9, Tasks: []*query.Task{of("fourth", 2), of("newest", 7)}},
	}
	out := clitest.Print(t, "table", func(a *cli.App) error { return printTasks(a, listings, 4) })
	at := -1
	for _, want := range []string{"newest", "second", "third", "fourth", "and 1 more"} {
		next := strings.Index(out, want)
		if next <= at {
			t.Fatalf("%s is not where it belongs:\n%s", want, out)
		}
		at = next
	}
	if strings.Contains(out, "oldest") {
		t.Errorf("the oldest is shown:\n%s", out)
	}
}
