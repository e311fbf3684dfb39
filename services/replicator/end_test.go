package replicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/replication/links"
)

// broken are links that cannot be followed.
type broken struct {
	declarations
	err error
}

func (b *broken) Watch(context.Context, func([]links.Link, []links.Group)) error { return b.err }

// A replicator that ends by itself says of which site it is, and why: also where that is that
// something took too long.
func TestWhyAReplicatorEnds(t *testing.T) {
	fra := places(t, "fra")["fra"]
	for _, why := range []error{errors.New("no way"), fmt.Errorf("read the links: %w", context.DeadlineExceeded), context.Canceled} {
		cfg := DefaultConfig()
		cfg.Site = "fra"
		s, err := New(cfg, Deps{Cluster: fra.cluster, Links: &broken{err: why}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); !errors.Is(err, why) || !strings.Contains(err.Error(), "replicator of site fra: follow what links the site declares") {
			t.Errorf("it ends with %v, because of %v", err, why)
		}
	}
}
