package cluster_test

import (
	"context"
	"errors"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
)

// join is a member of a group until its first generation, in which it commits.
func join(t *testing.T, c *cluster.Cluster, group string) error {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	committed := errors.New("no generation")
	err := c.Kafka().Join(ctx, group, "notes", func(_ context.Context, g *kafka.Generation) {
		committed = g.Commit(map[int32]int64{0: 1})
		leave()
	})
	if errors.Is(err, context.Canceled) {
		return committed
	}
	return err
}
