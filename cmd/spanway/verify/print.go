package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/verify/tasks"
)

// shown are how many findings of a log are printed, if not all.
const shown = 10

func printVerification(a *cli.App, v *verification, all bool) error {
	if a.JSON() {
		return a.Object(v)
	}
	logs := slices.DeleteFunc(slices.Clone(v.Logs), func(l logReport) bool {
		return l.Violations == 0 && !l.tasks && (l.Records == 0 || unused(&l)) // Nothing is to be said of it.
	})
	for i, l := range logs {
		if i > 0 {
			a.Printf("\n")
		}
		switch {
		case l.Site != nil && l.Site.Site != "":
			a.Printf("%s at %s\n", l.Topic, l.Site.Site)
		case len(logs) > 1:
			a.Printf("%s\n", l.Topic)
		}
		printLog(a, &l, all)
	}
	printUnjudged(a, v)
	return nil
}

// printLog prints what was found in one log.
func printLog(a *cli.App, l *logReport, all bool) {
	if len(l.Rules) == 0 {
		a.Printf("not judged: it has many writers, and no rules are known here for such a log\n")
		return
	}
	r := &l.found
	switch {
	case l.Queue != nil:
		printQueue(a, l)
	case l.Spaces != nil:
		printSpaces(a, l)
	case l.Networks != nil:
		printNetworks(a, l)
	case l.Site != nil:
		printSite(a, l)
	default:
		printChain(a, l)
	}
	if len(r.Skipped) > 0 {
		a.Printf("do not count%s\n", tally(r.Skipped, ": "))
	}
	if r.Unfinished > 0 {
		a.Printf("%d records at the end belong to a batch that is not complete\n", r.Unfinished)
	}
	for _, p := range r.Partial {
		if l.Queue == nil && l.Spaces == nil {
			printPartial(a, p, l.tasks)
		}
	}
	printFindings(a, r, all)
	hold := strings.Join(l.Rules, " ") + " hold"
	if len(l.Rules) == 1 {
		hold += "s"
	}
	switch {
	case r.OK():
		a.Printf("%s\n", a.Colour(render.Green, hold))
	case r.Violations == r.Losses:
		a.Printf("%s for what the log still has; what was lost is named above\n", hold)
	}
}

// printChain prints what an owned log has.
func printChain(a *cli.App, l *logReport) {
	r := &l.found
	printCounted(a, l)
	if l.tasks {
		a.Printf("%d tasks, %d open%s; %d assignments judged\n", r.Tasks, r.Open, tally(r.Terminal, "; "), r.Assignments)
	} else {
		a.Printf("only the chain is judged: no rules are known here for what the events of this log mean\n")
	}
}

// printCounted prints how much of an owned log counts, and who wrote it.
func printCounted(a *cli.App, l *logReport) {
	r := &l.found
	a.Printf("%d records in %d partitions, %d count; %d claims%s\n", r.Records, r.Partitions, r.Counted, r.Claims, owners(r.ClaimsBy))
}

// printFindings prints the first findings, or all, and how many are left out.
func printFindings(a *cli.App, r *tasks.Report, all bool) {
	findings := r.Findings
	if !all && len(findings) > shown {
		findings = findings[:shown]
	}
	for _, f := range findings {
		a.Printf("%s  %d@%d  %s %s\n", a.Colour(render.Red, f.Rule), f.Partition, f.Offset, strings.TrimSpace(f.Task+" "+f.Engine), f.Text)
	}
	if more := r.Violations - int64(len(findings)); more > 0 {
		a.Printf("and %s; see them with --all\n", render.Count(more, "more finding", "more findings"))
	}
}

// printPartial says what could not be judged of a log without its beginning.
func printPartial(a *cli.App, p tasks.Partial, ofTasks bool) {
	switch {
	case p.From < 0:
		a.Printf("partition %d begins at offset %d, and no batch in it stands where it was to: nothing of it can be judged\n",
			p.Partition, p.Begins)
	case !ofTasks:
		a.Printf("partition %d begins at offset %d and is judged from %d on\n", p.Partition, p.Begins, p.From)
	default:
		a.Printf("partition %d begins at offset %d and is judged from %d on; %d tasks and %d engines are older, "+
			"so what they need and have is not known: %d assignments could not be judged in full\n",
			p.Partition, p.Begins, p.From, p.Tasks, p.Engines, p.Unjudged)
	}
}

// owners are the claims by the names of the owners, those with the fewest first:
// a foreign owner is among them.
func owners(by map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[a], by[b]), strings.Compare(a, b)) })
	if len(names) == 0 {
		return ""
	}
	var out []string
	for _, name := range names[:min(len(names), shown)] {
		out = append(out, fmt.Sprintf("%s %d", name, by[name]))
	}
	if more := len(names) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d other owners (-o json)", more))
	}
	return ": " + strings.Join(out, ", ")
}

// tally is counts by name, in the order of the names.
func tally[K ~string](m map[K]int64, before string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%d %s", m[name], name))
	}
	if len(out) == 0 {
		return ""
	}
	return before + strings.Join(out, ", ")
}
