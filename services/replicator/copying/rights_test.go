package copying

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// guarded is a target that its rights let nothing claim, until they do.
type guarded struct {
	Target
	open atomic.Bool
}

func (g *guarded) Claim(ctx context.Context) (Claimed, error) {
	if !g.open.Load() {
		return Claimed{}, &kafka.Denied{Principal: "User:fra", Operation: "Write", Resource: "transactional-id", Name: "copies"}
	}
	return g.Target.Claim(ctx)
}

// A copy whose fence is refused says so, with the right that is missing, and goes on when it
// is given.
func TestRightsRefuseTheFence(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 100)...)
	cfg := s.config()
	g := &guarded{Target: cfg.Target}
	cfg.Target = g
	r := start(t, cfg)
	last := r.until("the fence is refused", func(r *Report) bool { return r.FenceRefused })
	if !strings.Contains(last.LastError, "transactional-id") {
		t.Errorf("its error is %q", last.LastError)
	}
	g.open.Store(true)
	r.until("all is copied", func(r *Report) bool { return next(100)(r) && !r.FenceRefused })
}
