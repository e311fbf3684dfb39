package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/networks"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/events"
)

// history is what sites should have had, and the logs of those that are elsewhere.
type history struct {
	of *networks.History // nil: there is no log of changes
	// until is where the log of the site at this cluster ended before the changes were read.
	until int64
	far   []*farSite
}

// farSite is the log of a local manager at another cluster.
type farSite struct {
	site  string
	at    *cli.Elsewhere
	topic string
	until int64
	err   error
}

// begin notes where the logs of sites end, before the log of changes is read: what they have
// behind may be of changes that came later. What cannot be reached is told of sites that count.
func (h *history) begin(ctx context.Context, a *cli.App, topics events.Topics, from source) (err error) {
	h.until = networks.Whole
	there, err := topicNames(ctx, from)
	if err != nil || !there[topics.NetworkChanges()] {
		return err
	}
	if there[topics.NetworkStatus()] {
		if _, h.until, err = from.Offsets(ctx, topics.NetworkStatus(), 0); err != nil {
			return err
		}
	}
	if _, files := from.(*files); files {
		return nil // They are of one cluster.
	}
	targets, err := a.SiteTargets()
	if err != nil {
		return cli.Misuse(err)
	}
	delete(targets, a.Site)
	for _, site := range slices.Sorted(maps.Keys(targets)) {
		f := &farSite{site: site, topic: events.Topics{Prefix: targets[site].Prefix}.NetworkStatus()}
		if f.at, f.err = a.Elsewhere(ctx, targets[site], events.Topics.NetworkStatus); f.err == nil {
			_, f.until, f.err = f.at.Offsets(ctx, f.topic, 0)
		}
		h.far = append(h.far, f)
	}
	return nil
}

func (h *history) close() {
	for _, f := range h.far {
		if f.at != nil {
			f.at.Close()
		}
	}
}

// unjudged is a site whose log was not judged.
type unjudged struct {
	Site string `json:"site"`
	Why  string `json:"why"`
	err  error
}

// judgeFar judges the logs of the sites of the networks that are elsewhere.
func (h *history) judgeFar(ctx context.Context, v *verification, here map[string]bool, opts tasks.Options) error {
	if h.of == nil {
		return nil
	}
	for _, site := range h.of.Sites() {
		i := slices.IndexFunc(h.far, func(f *farSite) bool { return f.site == site })
		switch {
		case here[site]:
		case i < 0:
			v.Unjudged = append(v.Unjudged, unjudged{Site: site, Why: fmt.Sprintf("nothing says where it is: name it in the configuration file (a context with site: %s)", site)})
		case h.far[i].err != nil:
			v.Unjudged = append(v.Unjudged, unjudged{Site: site, Why: h.far[i].err.Error(), err: h.far[i].err})
		default:
			l := logReport{Topic: h.far[i].topic}
			if err := h.judgeSite(ctx, &l, site, h.far[i].at, h.far[i].until, opts); err != nil {
				return fmt.Errorf("verify %s at %s: %w", l.Topic, site, err)
			}
			v.take(l)
		}
	}
	return nil
}

// judgeSite judges the log of a site; an empty name: of that which it names itself.
func (h *history) judgeSite(ctx context.Context, l *logReport, site string, from source, until int64, opts tasks.Options) (err error) {
	l.Rules, l.Site = []string{"G5", "G6", networks.Rule}, &networks.SiteCounts{}
	l.found, err = judgePartitions(ctx, events.Log{Topic: l.Topic, Partitions: 1}, from, func(_ int32, past chain.Memory) judging {
		return ofSite{networks.NewStatus(l.Topic, site, h.of, until, chain.Options{MaxFindings: opts.MaxFindings, Memory: past}), l.Site}
	})
	return err
}

// judgeChanges judges the log of changes, and takes what sites should have had from it.
func (h *history) judgeChanges(ctx context.Context, l *logReport, from source, opts tasks.Options) (err error) {
	l.Rules, l.Networks = []string{"G5", "G6", networks.Rule}, &networks.Counts{}
	l.found, err = judgePartitions(ctx, events.Log{Topic: l.Topic, Partitions: 1}, from, func(_ int32, past chain.Memory) judging {
		c := networks.NewChanges(l.Topic, chain.Options{MaxFindings: opts.MaxFindings, Memory: past})
		h.of = c.History
		return ofChanges{c, l.Networks}
	})
	return err
}

// ofChanges judges the log of changes.
type ofChanges struct {
	*networks.Changes
	counts *networks.Counts
}

func (o ofChanges) Report() tasks.Report {
	found, counts := o.Changes.Report()
	*o.counts = counts
	return reported(found)
}

// ofSite judges the log of a site.
type ofSite struct {
	*networks.Status
	counts *networks.SiteCounts
}

func (o ofSite) Report() tasks.Report {
	found, counts := o.Status.Report()
	*o.counts = counts
	return reported(found)
}

// printNetworks prints what the log of changes has.
func printNetworks(a *cli.App, l *logReport) {
	printCounted(a, l)
	n := l.Networks
	a.Printf("%d changes, %d refused; %d sites, %d objects, %d entries; %d terms began after the first\n", n.Changes, n.Refused, n.Sites, n.Objects, n.Entries, n.Promoted)
}

// printSite prints what the log of a site has.
func printSite(a *cli.App, l *logReport) {
	printCounted(a, l)
	s := l.Site
	a.Printf("%d entries applied, %d of them passed over, %d full syncs; it has entry %d of term %d", s.Entries, s.Skipped, s.Syncs, s.Sequence, s.Term)
	if s.Compared {
		a.Printf(", its newest is %d", s.Last)
	}
	a.Printf("\n%d objects were realised, %d tasks failed\n", s.Realised, s.Failed)
	if len(s.Declined) > 0 {
		a.Printf("declined%s\n", tally(s.Declined, ": "))
	}
	if s.Lost > 0 {
		a.Printf("%d times it applied what is of a log of changes that was lost; until its next full sync it was not compared\n", s.Lost)
	}
	if !s.Compared {
		a.Printf("what it must have had is not known: run verify at the site of the global manager, whose log must have its beginning\n")
	}
}

// printUnjudged says which sites were not judged.
func printUnjudged(a *cli.App, v *verification) {
	for _, u := range v.Unjudged {
		a.Printf("\n%s\n", a.Colour(render.Yellow, fmt.Sprintf("site %s was not judged: %s", u.Site, u.Why)))
	}
}

// unreached is the error of sites that could not be read.
func (v *verification) unreached() error {
	var all []error
	for _, u := range v.Unjudged {
		if u.err != nil {
			all = append(all, fmt.Errorf("verify site %s: %w", u.Site, u.err))
		}
	}
	return errors.Join(all...)
}

// unused tells whether it is a log of networks in which nothing has happened: each site of
// `spanway dev --sites` has one.
func unused(l *logReport) bool {
	switch {
	case l.Networks != nil:
		return l.Networks.Changes+l.Networks.Refused == 0 && l.Networks.Sites == 0
	case l.Site != nil:
		return l.Site.Entries+l.Site.Syncs+l.Site.Realised+l.Site.Failed == 0 && l.Site.Last == 0
	}
	return false
}
