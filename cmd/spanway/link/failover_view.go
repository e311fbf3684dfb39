package link

import (
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/failover"
)

// failoverView is what a fail-over has done, as -o json prints it; the names are stable.
type failoverView struct {
	Link     string `json:"link"`
	LinkBack string `json:"link_back"`
	Source   string `json:"source"`
	Number   int64  `json:"number"`
	Done     bool   `json:"done"`
	// BackTrouble is why it is not known whether the link back copies.
	BackTrouble string         `json:"link_back_trouble,omitempty"`
	Already     bool           `json:"already"`
	Forced      bool           `json:"forced"`
	Unfinished  bool           `json:"unfinished"`
	DryRun      bool           `json:"dry_run"`
	Partitions  []frozenView   `json:"partitions"`
	Groups      []overView     `json:"groups"`
	Failed      *failoverError `json:"error,omitempty"`
}

// frozenView is a partition: it is copied up to Next, and ends at End at the source; once it
// was failed over, with what has come back there.
type frozenView struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	End       int64  `json:"source_end"`
	Next      int64  `json:"next"`
	// Same is of an audit, if Compared.
	Same     int64 `json:"same"`
	Compared bool  `json:"compared"`
	Left     int64 `json:"not_copied"`
	// Certain is what Left says; Known is false if that is nothing.
	Certain failover.Certainty `json:"not_copied_is"`
	Known   bool               `json:"not_copied_known"`
	Gone    int64              `json:"gone_at_source"`
	// AsOf is when Next and End were known.
	AsOf string `json:"as_of,omitempty"`
}

// overView is where a consumer group goes on.
type overView struct {
	positionView
	SourceMembers int `json:"source_members"`
}

// failoverError is why it has failed; Code is left out where none of its own is known.
type failoverError struct {
	Code events.Code `json:"code,omitempty"`
	Text string      `json:"text"`
}

func viewFailover(r *failover.Report, dryRun bool) *failoverView {
	v := &failoverView{
		Link: r.Link, LinkBack: r.Back, BackTrouble: r.BackTrouble, Source: r.Source, Number: r.Number, Already: r.Already, Forced: r.Forced,
		Unfinished: r.Unfinished, DryRun: dryRun, Partitions: []frozenView{}, Groups: []overView{},
	}
	for i := range r.Partitions {
		p := &r.Partitions[i]
		v.Partitions = append(v.Partitions, frozenView{
			p.Topic, p.Partition, p.End, p.Next, p.Same, p.Compared, p.Left, p.Certain, p.Certain != failover.Unknown, p.Gone, cli.Stamp(p.At.UnixMilli()),
		})
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		v.Groups = append(v.Groups, overView{
			positionView{g.Name, g.Topic, g.Partition, g.Position.Source, g.Target, g.Had, g.Behind, verdictOver(g, dryRun)}, g.SourceMembers,
		})
	}
	return v
}

// verdictOver is what became of a group.
func verdictOver(g *failover.Group, dryRun bool) string {
	switch {
	case g.Committed:
		return committed
	case g.Had == g.Target:
		return "same"
	case g.TargetMembers > 0:
		return "group in use"
	case g.Backwards():
		return "further there"
	case dryRun:
		return "would be set"
	}
	return "not set"
}

// printFailover prints what was done, also of a fail-over that has failed.
func printFailover(a *cli.App, v *failoverView, failed error) error {
	if v.Done = failed == nil && !v.DryRun; failed != nil {
		v.Failed = &failoverError{codeOf(failed), failed.Error()}
	}
	if a.JSON() {
		return a.Object(v)
	}
	if t := v.table(); len(v.Partitions) > 0 {
		if err := a.Table(t); err != nil {
			return err
		}
	}
	if err := printOver(a, v.Groups); err != nil || failed != nil {
		return err
	}
	for _, line := range v.missing() {
		a.Printf("%s\n", line)
	}
	return a.Printf("%s\n", v.outcome())
}

func printOver(a *cli.App, groups []overView) error {
	if len(groups) == 0 {
		return nil
	}
	positions := make([]positionView, len(groups))
	for i := range groups {
		if positions[i] = groups[i].positionView; groups[i].SourceMembers > 0 {
			positions[i].Verdict += ", still reads at the source"
		}
	}
	return printPositions(a, positions)
}

// outcome is what the site is now, in a line.
func (v *failoverView) outcome() string {
	back := fmt.Sprintf("link %s of site %s copies from here", v.LinkBack, v.Source)
	if v.BackTrouble != "" {
		back = fmt.Sprintf("whether link %s of site %s copies from here is not known: %s (spanway link show %s there)", v.LinkBack, v.Source, v.BackTrouble, v.LinkBack)
	}
	switch {
	case v.DryRun && v.Already && v.Unfinished:
		return fmt.Sprintf("link %s was failed over before, and its source %s does not answer; nothing was changed", v.Link, v.Source)
	case v.DryRun && v.Already:
		return fmt.Sprintf("link %s was failed over before: %s; nothing was changed", v.Link, back)
	case v.DryRun && v.Forced:
		return fmt.Sprintf("link %s would be paused; its source %s does not answer", v.Link, v.Source)
	case v.DryRun:
		return fmt.Sprintf("link %s would be failed over; nothing was changed", v.Link)
	case v.Unfinished:
		return fmt.Sprintf("link %s is failed over without its source %s: write here. Call this again when the source answers, for the link back", v.Link, v.Source)
	case v.Already:
		return fmt.Sprintf("link %s was failed over before: %s", v.Link, back)
	}
	return fmt.Sprintf("link %s is failed over: write here; %s", v.Link, back)
}
