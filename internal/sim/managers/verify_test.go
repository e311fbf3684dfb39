package managers_test

import (
	"errors"
	"testing"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/networks"
)

// verified is what is found in the logs alone.
func (w *world) verified() (found []chain.Finding) {
	changes := networks.NewChanges("spanway.network.changes", chain.Options{})
	for i, m := range w.log {
		changes.Follow(chain.At{Offset: int64(i)}, m)
	}
	report, _ := changes.Report()
	found = report.Findings
	for _, name := range names {
		status := networks.NewStatus("spanway.network.status", name, changes.History, networks.Whole, chain.Options{})
		for i, m := range w.locals[name].log {
			status.Follow(chain.At{Offset: int64(i)}, m)
		}
		report, counts := status.Report()
		for _, f := range report.Findings {
			f.Log = counts.Site
			found = append(found, f)
		}
	}
	return found
}

// verifiedStory is a story of which the logs alone are judged.
type verifiedStory struct{ *story }

// Check implements sim.Story.
func (s verifiedStory) Check() error {
	var all []error
	for _, f := range s.verified() {
		all = append(all, errors.New(f.Rule+" "+f.Log+": "+f.Text))
	}
	return errors.Join(all...)
}

// What verify reads in the logs of managers that are right breaks no rule.
func TestSimManagersAreVerified(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(1500, 40), func(seed uint64) sim.Story { return verifiedStory{newStory(seed, mutant{})} })
}

// hidden are the mutants of which the logs say nothing that breaks a rule: a site stays behind
// for ever, as one does that is away, or waits for a task for ever.
var hidden = map[string]bool{
	"the base is earlier than what is sent, and of another term": true,
	"ends that were missed are waited for":                       true,
}

// Of wrong managers the logs alone tell.
func TestSimManagerMutantsAreVerified(t *testing.T) {
	t.Parallel()
	for name, m := range mutants {
		if hidden[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story { return verifiedStory{newStory(seed, m)} })
		})
	}
}
