package allocator_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator/store"
)

// The generator hands out each identifier once, also after a restart, and returns the rest.
func TestGenerator(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "q", From: 1, To: 1 << 30}))
	seen := map[int64]bool{}
	for range 2 {
		g, err := c.NewGenerator(ids.GeneratorConfig{Space: "q", Count: 10})
		must(t, err)
		for range 37 {
			id, err := g.Next(t.Context())
			must(t, err)
			if seen[id] {
				t.Fatalf("%d came twice", id)
			}
			seen[id] = true
		}
		must(t, g.Close(t.Context()))
		if _, err := g.Next(t.Context()); !errors.Is(err, ids.ErrClosed) {
			t.Errorf("a closed generator: %v", err)
		}
	}
	g, err := c.NewGenerator(ids.GeneratorConfig{Space: "unknown"})
	must(t, err)
	_, err = g.Next(t.Context())
	refused(t, err, events.CodeUnknownSpace)
	must(t, g.Close(t.Context()))
}

// A generator takes what the space has left and allows; of what it took it uses half at least.
func TestGeneratorTakesWhatThereIs(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	must(t, c.Declare(t.Context(), ids.Rules{Space: "tiny", From: 1, To: 300, MaxCount: 100}))
	used := 0
	next := func(g *ids.Generator, n int) {
		for range n {
			_, err := g.Next(t.Context())
			must(t, err)
		}
		used += n
	}
	few, err := c.NewGenerator(ids.GeneratorConfig{Space: "tiny", Owner: "few"})
	must(t, err)
	next(few, 3)
	must(t, few.Close(t.Context()))
	_, err = c.Grant(t.Context(), ids.Want{Space: "tiny", Count: 101})
	refused(t, err, events.CodeBadCount)
	rest, err := c.NewGenerator(ids.GeneratorConfig{Space: "tiny"})
	must(t, err)
	next(rest, 293) // Of few's, 3 are in use and at most 4 rest.
	for err == nil {
		_, err = rest.Next(t.Context())
		used++
	}
	if room := refused(t, err, events.CodeExhausted).Room; room.GetFree() != 0 || room.GetLive()+room.GetQuarantined() != 300 || used < 297 {
		t.Errorf("%+v after %d were used", room, used)
	}
	// What a process that is killed holds tells which one it was.
	host, err := os.Hostname()
	must(t, err)
	us := fmt.Sprintf("%s:%d/", host, os.Getpid())
	held := refused(t, c.Delete(t.Context(), "tiny", false), events.CodeSpaceHeld).Held
	if !slices.ContainsFunc(held, func(h *events.IdsHeld) bool { return strings.HasPrefix(h.Owner, us) }) {
		t.Errorf("%v, nothing is held by %s", held, us)
	}
	must(t, rest.Close(t.Context()))
}
