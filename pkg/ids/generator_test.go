package ids

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/spanway/spanway/pkg/events"
)

// A request that no allocator answers is made again. If it is refused then, and fewer are
// free, callers get those, and do not hear of the refusal.
func TestGeneratorAsksForFewerAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silence := &Unanswered{Space: "q", Err: context.DeadlineExceeded}
		full := &Refused{Code: events.CodeExhausted, Room: &events.IdsRoom{Free: 20, LargestFree: 20}}
		steps := make(chan error)
		var asked []Want
		g := &Generator{client: &Client{ctx: t.Context()}, cfg: GeneratorConfig{Space: "q", Count: 64}, count: 64, changed: make(chan struct{})}
		g.ctx, g.stop = context.WithCancel(t.Context())
		defer g.stop()
		g.grant = func(_ context.Context, w Want) (Grant, error) {
			asked = append(asked, w)
			if err := <-steps; err != nil {
				return Grant{}, err
			}
			return Grant{Space: "q", From: 1, To: w.Count}, nil
		}
		type handed struct {
			id  int64
			err error
		}
		next := make(chan handed, 1)
		call := func() {
			id, err := g.Next(t.Context())
			next <- handed{id, err}
		}
		go call()
		steps <- silence
		steps <- silence
		var unanswered *Unanswered
		if got := <-next; !errors.As(got.err, &unanswered) {
			t.Errorf("no allocator answers, and Next returns %+v", got)
		}
		go call()
		synctest.Wait()
		steps <- full
		synctest.Wait()
		select {
		case got := <-next:
			t.Errorf("20 are free, and Next returns %+v", got)
		default:
		}
		steps <- nil
		if got := <-next; got != (handed{id: 1}) {
			t.Errorf("Next returns %+v, want 1", got)
		}
		var counts []int64
		for _, w := range asked {
			counts = append(counts, w.Count)
		}
		if !slices.Equal(counts, []int64{64, 64, 64, 20}) || asked[0].RequestID != asked[2].RequestID || asked[2].RequestID == asked[3].RequestID {
			t.Errorf("asked %+v", asked)
		}
	})
}
