package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// warnPatience is how long a warning may hold a submission up.
const warnPatience = time.Second

// warnUnknown warns of a predicate that no known engine could ever answer,
// such as one with a label misspelt. It never keeps a task from being submitted:
// the engine that has the label may be still to come.
func (a *app) warnUnknown(ctx context.Context, c *client.Client, r *events.TaskRequested) {
	if r.Predicate == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, warnPatience)
	defer cancel()
	if reason, err := c.Forecast(ctx, r); err == nil && reason == placement.UnknownAttribute {
		fmt.Fprintf(a.err, "warning: no known engine has an attribute that the predicate %q names; see \"spanway engine list\"\n", r.Predicate)
	}
}
