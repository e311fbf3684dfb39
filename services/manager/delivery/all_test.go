package delivery

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
)

// opener counts how often the delivery to a site was opened and shut; its fields are guarded by
// the mu of the memory.
type opener struct {
	in           *memory
	opened, shut map[string]int
	removed      map[string]int
	fails        map[string]int // so often first
}

func (o *opener) open(_ context.Context, name string) (Config, func(), error) {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	defer o.in.wake()
	if o.fails[name] > 0 {
		o.fails[name]--
		return Config{}, nil, errors.New("there is no such cluster")
	}
	o.opened[name]++
	s := o.in.sites[name]
	return Config{Queue: s, Inbox: s, Status: s, Requests: o.in, Patience: 200 * time.Millisecond}, func() {
		o.in.mu.Lock()
		defer o.in.mu.Unlock()
		o.shut[name]++
		o.in.wake()
	}, nil
}

// remove fails at first.
func (o *opener) remove(_ context.Context, name string) error {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	defer o.in.wake()
	if o.removed[name]++; o.removed[name] == 1 {
		return errors.New("it is held")
	}
	return nil
}

// is tells how often the delivery to a site was opened and shut.
func (o *opener) is(name string, opened, shut int) func() bool {
	return func() bool {
		o.in.mu.Lock()
		defer o.in.mu.Unlock()
		return o.opened[name] == opened && o.shut[name] == shut
	}
}

// Sites get deliveries as they come and go; one that cannot be opened is tried again; a newer term
// ends all.
func TestAllSites(t *testing.T) {
	m := newMemory("ams", "fra", "sin")
	o := &opener{in: m, opened: map[string]int{}, shut: map[string]int{}, fails: map[string]int{"sin": 2}, removed: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // It only bounds a hang.
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- (&All{Fold: m.changes, Board: trouble.NewBoard(quiet), Open: o.open, Remove: o.remove}).Run(ctx)
	}()
	converge := func(names ...string) {
		t.Helper()
		for i := range 20 {
			m.ask(put(i%5, fmt.Sprint(i)))
		}
		for _, name := range names {
			m.until(t, name+" has converged", func() bool { return m.converged(name) })
		}
	}
	converge("ams", "fra", "sin")
	m.ask(&events.NetworkSiteRetireRequested{Site: "fra", Force: true})
	m.until(t, "the delivery to fra has ended", o.is("fra", 1, 1))
	m.until(t, "what is kept for fra is removed", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return o.removed["fra"] == 2
	})
	converge("ams", "sin")
	m.ask(&events.NetworkSiteRequested{Site: "fra", Labels: map[string]string{"region": "eu"}})
	converge("ams", "fra", "sin")
	for name, opened := range map[string]int{"ams": 1, "fra": 2, "sin": 1} {
		if !o.is(name, opened, opened-1)() {
			t.Errorf("the delivery to %s was opened %d times and shut %d times", name, o.opened[name], o.shut[name])
		}
	}
	m.with("sin", func(s *memorySite) { s.call(&events.QueueEnqueued{Id: fmt.Sprintf("9-%d", s.held().Next)}) })
	m.ask(put(1, "the last"))
	var newer *NewerTermError
	if err := <-ended; !errors.As(err, &newer) || newer.Site != "sin" {
		t.Errorf("all ended with %v", err)
	}
	for name, opened := range map[string]int{"ams": 1, "fra": 2, "sin": 1} {
		if !o.is(name, opened, opened)() {
			t.Errorf("the delivery to %s was opened %d times and shut %d times", name, o.opened[name], o.shut[name])
		}
	}
}
