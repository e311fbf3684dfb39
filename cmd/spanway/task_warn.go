package main

import (
	"context"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) warnUnknown(ctx context.Context, c *client.Client, r *events.TaskRequested) {}
