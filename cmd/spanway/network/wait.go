package network

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// waiting waits until a change is realised at its sites.
type waiting struct {
	on      bool
	timeout time.Duration
	// gets, if set, is what sites get of the change.
	gets model.Deliveries
	// kept are objects that are declared as they were: a site may not have realised them yet.
	kept []model.Path
}

// asItIs stands for the change of a command that has changed nothing.
func (do *applying) asItIs(now time.Time) *events.NetworkChanged {
	deadline := cmp.Or(do.deadline, query.NetworkDeadline)
	return &events.NetworkChanged{AtMs: now.UnixMilli(), DeadlineAtMs: now.Add(deadline).UnixMilli()}
}

func (w *waiting) flags(c *cobra.Command) {
	c.Flags().BoolVar(&w.on, "wait", false, "until all sites have realised it, or are overdue")
	c.Flags().DurationVar(&w.timeout, "timeout", 0, "with --wait: how long at most; 0: until the change's deadline")
	cli.Lasting(c.Flags(), time.Millisecond, true, "timeout")
}

// notDone is a change that was waited for and is not realised everywhere.
type notDone struct {
	change uint64
	why    string
	sites  []progress
}

// ExitCode is that of what was waited for and failed.
func (e *notDone) ExitCode() int { return cli.ExitTaskFailed }

func (e *notDone) Error() string {
	var left []string
	for _, s := range e.sites {
		if !s.done() {
			text := fmt.Sprintf("%s is %s (%d of %d realised)", s.Site, s.State, s.Realised, s.Objects)
			if s.worst.Attempt != "" {
				text += ": " + s.worst.says()
			}
			left = append(left, text)
		}
	}
	what := "what was declared before counts"
	if e.change > 0 {
		what = fmt.Sprintf("change %d counts", e.change)
	}
	return fmt.Sprintf("%s, and %s: %s; it goes on, see spanway network show and why", what, e.why, strings.Join(left, ", "))
}

// progress is how far a change is at a site, as -o json prints it; the names are stable.
type progress struct {
	Change uint64 `json:"change"`
	Site   string `json:"site"`
	// State is the worst of its objects there.
	State string `json:"state"`
	// Objects are how many of the change concern the site; so many of them are not applied, are
	// applied and not realised, are realised, and have failed.
	Objects  int `json:"objects"`
	Queued   int `json:"queued"`
	Applied  int `json:"applied"`
	Realised int `json:"realised"`
	Failed   int `json:"failed"`
	// Unknown is why what stands at the site cannot be read: then it is waited until it has
	// applied the change.
	Unknown string `json:"unknown,omitempty"`
	reason  string
	worst   standing
}

// done tells whether nothing more is waited for.
func (p *progress) done() bool {
	return p.Realised == p.Objects || p.Unknown != "" && p.Applied+p.Realised == p.Objects
}

// wait waits, if that is asked for.
func (w *waiting) wait(ctx context.Context, a *cli.App, q *query.Querier, m *events.NetworkChanged) error {
	if !w.on {
		return nil
	}
	log := q.NetworksLog()
	n, err := log.Read(ctx)
	if err != nil {
		return err
	}
	names := w.concerned(n, m)
	all, err := reach(ctx, a, names)
	if err != nil {
		return err
	}
	defer all.close()
	until, why := time.UnixMilli(m.DeadlineAtMs), "sites are overdue"
	if w.timeout > 0 && time.Until(until) > w.timeout {
		until, why = time.Now().Add(w.timeout), fmt.Sprintf("was waited for %v", w.timeout)
	}
	told := map[string]progress{}
	for {
		now := w.progress(n, m, names, all)
		if err := tell(a, m, now, told); err != nil {
			return err
		}
		left := slices.ContainsFunc(now, func(p progress) bool { return !p.done() })
		if !left || time.Now().After(until) {
			if _, live := a.Width(); live && !a.JSON() {
				err = a.Printf("\n") // The note of a live table ends without one.
			}
			if left {
				w.attempted(ctx, now, all)
				return cmp.Or(err, error(&notDone{m.Change, why, now}))
			}
			return err
		}
		if !trouble.Pause(ctx, lookEvery) {
			return ctx.Err()
		}
		if n, err = log.Read(ctx); err != nil {
			return err
		}
		all.read(ctx)
	}
}

// attempted looks for what the tasks that are waited for last were tried with.
func (w *waiting) attempted(ctx context.Context, now []progress, all sites) {
	for i := range now {
		all[now[i].Site].attempted(ctx, &now[i].worst)
	}
}

// lookEvery is how often it is looked.
const lookEvery = 300 * time.Millisecond

// concerned are the sites that got something of a change, or were to, and are there.
func (w *waiting) concerned(n *query.Networks, m *events.NetworkChanged) (names []string) {
	at, _ := n.Core.ChangeStatus(m.Change)
	has := map[string]bool{}
	for _, path := range w.kept {
		for _, name := range n.Core.State().At(path) {
			has[name] = true
		}
	}
	for _, s := range n.Core.State().Sites() {
		if _, ok := at[s.Name]; ok || has[s.Name] || w.gets[s.Name] != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// progress says how far a change is at each site: what the site has gained by it, and what it has
// lost.
func (w *waiting) progress(n *query.Networks, m *events.NetworkChanged, names []string, all sites) (out []progress) {
	for _, name := range names {
		p := progress{Change: m.Change, Site: name, State: realised}
		for _, path := range w.paths(m, name) {
			p.add(stand(n, name, all[name], path, wantedAt(n, name, path, m.Change)))
		}
		for _, path := range w.elsewhere(m) {
			if wantedAt(n, name, path, m.Change) > 0 {
				p.add(stand(n, name, all[name], path, wantedAt(n, name, path, m.Change)))
			} else if s := stand(n, name, all[name], path, 0); s.State != realised && s.State != applied {
				p.add(s)
			}
		}
		for _, path := range w.kept {
			if revision := wantedAt(n, name, path, math.MaxUint64); revision > 0 && !w.brings(name, path) {
				p.add(stand(n, name, all[name], path, revision))
			}
		}
		out = append(out, p)
	}
	return out
}

// brings tells whether a site gets an object by the change.
func (w *waiting) brings(name string, path model.Path) bool {
	d := w.gets[name]
	return d != nil && (slices.Contains(d.Removes, path) || slices.ContainsFunc(d.Puts, func(o *model.Object) bool { return o.Path == path }))
}

// wantedAt is the revision that a site must have of an object; that of a later change is as good
// as that of this one. 0: it must have none.
func wantedAt(n *query.Networks, name string, path model.Path, change uint64) uint64 {
	state := n.Core.State()
	if o, ok := state.Object(path); ok && slices.Contains(state.At(path), name) {
		return min(o.Revision, change)
	}
	return 0
}

// paths are those of all that a site gets of a change: what it must not have any more, too. Where
// that is not known they are what the change has deleted.
func (w *waiting) paths(m *events.NetworkChanged, name string) (paths []model.Path) {
	if w.gets == nil {
		for _, p := range m.Deletes {
			paths = append(paths, model.Path(p))
		}
	}
	if d := w.gets[name]; d != nil {
		for _, o := range d.Puts {
			paths = append(paths, o.Path)
		}
		paths = append(paths, d.Removes...)
	}
	return paths
}

// elsewhere are the objects of a change of which it is not known who gets them.
func (w *waiting) elsewhere(m *events.NetworkChanged) (paths []model.Path) {
	if w.gets != nil {
		return nil
	}
	for _, o := range m.Objects {
		paths = append(paths, model.Path(o.GetPath()))
	}
	return paths
}

// add adds an object.
func (p *progress) add(s standing) {
	p.Objects++
	p.Unknown = s.Unknown
	if worse(s.State, p.State) < 0 {
		p.State, p.reason, p.worst = s.State, s.says(), s
	}
	switch s.State {
	case realised:
		p.Realised++
	case failed, conflict, drifted:
		p.Failed++
	case applied, realising, removing:
		p.Applied++
	default:
		p.Queued++
	}
}

// tell shows how far it is: a table that lives on a terminal, else a line for each site that is
// further than it was told.
func tell(a *cli.App, m *events.NetworkChanged, now []progress, told map[string]progress) error {
	if columns, lines, live := a.Size(); live && !a.JSON() {
		t := &cli.Table{Head: []string{"SITE", "STATE", "QUEUED", "APPLIED", "REALISED", "FAILED", "WHY"}}
		for _, p := range now {
			t.Add(cli.Plain(p.Site), cli.Marked(p.State, stateColour(p.State)), cli.Plain(p.Queued), cli.Plain(p.Applied),
				cli.Plain(fmt.Sprintf("%d of %d", p.Realised, p.Objects)), cli.Plain(p.Failed), cli.Plain(cli.Dash(p.reason)))
		}
		what := fmt.Sprintf("change %d, accepted %s", m.Change, cli.Stamp(m.AtMs))
		if m.Change == 0 {
			what = "nothing is changed; how far it is since " + cli.Stamp(m.AtMs)
		}
		return a.Redraw(t, what, columns, lines)
	}
	for _, p := range now {
		before := told[p.Site]
		before.reason, before.worst = p.reason, p.worst
		if before == p {
			continue
		}
		told[p.Site] = p
		if a.JSON() {
			if err := a.Object(p); err != nil {
				return err
			}
			continue
		}
		why := ""
		if p.reason != "" && p.reason != "-" {
			why = "  " + p.reason
		}
		if err := a.Printf("%-12s %-10s %d of %d realised%s\n", p.Site, p.State, p.Realised, p.Objects, why); err != nil {
			return err
		}
	}
	return nil
}
