package network

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	model "github.com/spanway/spanway/pkg/network"
)

// How far an object is at a site, from worst to best.
const (
	failed    = "failed"
	conflict  = "conflict"
	drifted   = "drifted"
	overdue   = "overdue"
	syncing   = "syncing"
	queued    = "queued"
	removing  = "removing"
	applied   = "applied"
	realising = "realising"
	realised  = "realised"
)

var worstFirst = []string{failed, conflict, drifted, overdue, syncing, queued, removing, applied, realising, realised}

// worse compares two states.
func worse(a, b string) int {
	return cmp.Compare(slices.Index(worstFirst, a), slices.Index(worstFirst, b))
}

// stateColour is the colour of a state.
func stateColour(state string) string {
	switch state {
	case realised:
		return render.Green
	case failed, conflict, drifted, overdue:
		return render.Red
	}
	return render.Yellow
}

// standing is how an object stands at a site, as -o json prints it; the names are stable.
type standing struct {
	Site  string `json:"site"`
	State string `json:"state"`
	// Revision and Sequence are those that the site has: of the object, and of the entry that
	// brought it. 0: it has none, or that is not known.
	Revision uint64 `json:"revision"`
	Sequence uint64 `json:"sequence"`
	Since    string `json:"since,omitempty"`
	sinceMs  int64
	// Reason is why it failed, or waits; AgainAt when it is tried again by itself.
	Reason  string `json:"reason,omitempty"`
	AgainAt string `json:"again_at,omitempty"`
	Task    string `json:"task,omitempty"`
	// Attempt is what the last attempt of the task that has failed ended with, where that was looked
	// for: the task is tried again.
	Attempt  string `json:"attempt,omitempty"`
	WaitsFor string `json:"waits_for,omitempty"`
	// Unknown is why what stands at the site cannot be read: the state is what the global manager
	// knows.
	Unknown string `json:"unknown,omitempty"`
}

// stand says how an object stands at a site that is to have it in a revision, or in a later one;
// 0: that must not have it.
func stand(n *query.Networks, name string, r *reached, path model.Path, revision uint64) standing {
	v := standing{Site: name}
	if r.err != nil || r.now == nil {
		if v.Unknown = "it cannot be read"; r.err != nil {
			v.Unknown = r.err.Error()
		}
	} else if v.there(r.now, path, revision) {
		return v
	}
	sequence, late := n.Core.Unapplied(name, path)
	of, _ := n.Core.StandingOf(name)
	switch {
	case of.Syncing:
		v.State, v.Reason = syncing, "a full sync is on its way"
	case sequence > 0 && late:
		v.State, v.Reason = overdue, fmt.Sprintf("entry %d is not applied; the newest that is, is %d", sequence, of.Applied)
	case sequence > 0:
		v.State, v.Reason = queued, fmt.Sprintf("entry %d is not applied; the newest that is, is %d", sequence, of.Applied)
	case v.Unknown != "":
		v.State = applied
	default: // It is on its way in the log of the site.
		v.State = queued
	}
	return v
}

// there is what the site says; false if it has not come there in that revision.
func (v *standing) there(now *query.SiteStands, path model.Path, revision uint64) bool {
	s, ok := now.Core.StatusOf(path)
	if revision == 0 {
		if v.State = realised; ok && s.Wanted != nil {
			v.Revision = s.Wanted.Revision
			return false
		}
		if ok && s.Local == nil {
			v.State = removing
		}
		v.take(s, now, path)
		return true
	}
	if !ok || s.Wanted == nil {
		return false
	}
	v.Revision, v.Sequence = s.Wanted.Revision, s.Sequence
	if s.Wanted.Revision < revision {
		return false
	}
	v.take(s, now, path)
	switch s.Standing {
	case query.AtSiteFailed:
		if v.State = failed; s.Reason == query.Drifted {
			v.State, v.AgainAt = drifted, ""
		}
	case query.AtSiteInConflict:
		v.State = conflict
	case query.AtSiteWaiting:
		v.State = applied
	case query.AtSiteInFlight:
		v.State = realising
	default:
		v.State = realised
	}
	return true
}

// take takes what is told of any state.
func (v *standing) take(s query.AtSite, now *query.SiteStands, path model.Path) {
	v.sinceMs = now.Since[string(path)]
	v.Since, v.Reason, v.Task, v.WaitsFor = cli.Stamp(v.sinceMs), s.Reason, s.Task, string(s.WaitsFor)
	if s.Reason != "" && s.Reason != query.Drifted {
		v.AgainAt = cli.Stamp(s.AgainAtMs)
	}
}

// says is why it is so, for people.
func (v *standing) says() string {
	text := v.Reason
	add := func(more string) {
		if text != "" {
			text += "; "
		}
		text += more
	}
	if v.WaitsFor != "" {
		add("waits for " + v.WaitsFor)
	}
	if v.AgainAt != "" && v.State == failed {
		add("again at " + v.AgainAt)
	}
	if v.Task != "" {
		add("task " + v.Task)
	}
	if v.Attempt != "" {
		add(v.Attempt)
	}
	if v.Unknown != "" {
		add("what stands there is not known: " + v.Unknown)
	}
	return cli.Dash(text)
}
