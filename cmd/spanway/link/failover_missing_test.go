package link

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/services/replicator/failover"
)

// printed is what is printed of a report, for people and as JSON.
func printed(t *testing.T, r *failover.Report, failed error) (text string, v failoverView) {
	t.Helper()
	printing := clitest.Program{func(a *cli.App) *cobra.Command {
		return &cobra.Command{Use: "print", RunE: func(*cobra.Command, []string) error {
			return printFailover(a, viewFailover(r, false), failed)
		}}
	}}
	text, stderr, code := printing.Call(t.Context(), "", "print")
	if code != cli.ExitDone {
		t.Fatal(stderr)
	}
	object, stderr, code := printing.Call(t.Context(), "", "print", "-o", "json")
	if err := json.Unmarshal([]byte(object), &v); err != nil || code != cli.ExitDone {
		t.Fatal(object, stderr, err)
	}
	return text, v
}

// What is not copied is told apart: nothing, what the fail-over still waits for, what was known
// of a source that is away, what is not known at all, and what stands at the source alone.
func TestWhatNotCopiedMeans(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	orders := failover.Partition{Topic: "orders", End: 7, Next: 5, At: at}
	with := func(change func(p *failover.Partition)) failover.Partition {
		p := orders
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		r      failover.Report
		failed error
		says   []string
		not    []string
		is     failover.Certainty
		known  bool
	}{
		"clean": {
			r:    failover.Report{Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Next, p.Same, p.Compared, p.Certain = 7, 7, true, failover.Exact })}},
			says: []string{"END  COPIED TO  SAME  NOT COPIED", "7    7          7     0\n", "is failed over: write here"},
			is:   failover.Exact, known: true,
		},
		"not drained": {
			r:      failover.Report{Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Left, p.Certain = 2, failover.Waiting })}},
			failed: &failover.Error{Code: failover.NotDrained},
			says:   []string{"7    5          -     2 wait\n"},
			is:     failover.Waiting, known: true,
		},
		"forced, something is missing": {
			r:    failover.Report{Forced: true, Unfinished: true, Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Left, p.Certain = 2, failover.LastKnown })}},
			says: []string{"LAST KNOWN END", "2, as last known\n", "orders/0: not copied: 2 offsets below 7, where the source ended by the report of 2023-11-14T22:13:20", "after it was reported last is not known"},
			not:  []string{"SAME"},
			is:   failover.LastKnown, known: true,
		},
		"forced, nothing is known to be missing": {
			r:    failover.Report{Forced: true, Unfinished: true, Already: true, Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Next, p.Certain = 7, failover.LastKnown })}},
			says: []string{"0, as last known\n", "after it was reported last is not known"},
			not:  []string{"orders/0: "},
			is:   failover.LastKnown, known: true,
		},
		"forced, nothing is known": {
			r:    failover.Report{Forced: true, Unfinished: true, Partitions: []failover.Partition{with(func(p *failover.Partition) { p.End, p.Next, p.Certain = 0, 0, failover.Unknown })}},
			says: []string{"unknown         unknown    unknown\n", "orders/0: not copied: unknown, for no end of the source was reported"},
			is:   failover.Unknown,
		},
		"again, and copies have come back": {
			r:    failover.Report{Already: true, Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Certain = failover.Exact })}},
			says: []string{"TOPIC   P  COPIED TO  AT THE SOURCE ALONE", "orders  0  5          0\n", "was failed over before"},
			not:  []string{"END", "SAME", "orders/0: "},
			is:   failover.Exact, known: true,
		},
		"the source is back": {
			r:    failover.Report{Partitions: []failover.Partition{with(func(p *failover.Partition) { p.Left, p.Certain = 1, failover.Exact })}},
			says: []string{"AT THE SOURCE ALONE", "orders/0: at the source alone: 1 record from offset 5 on; they come here when the link is failed back"},
			not:  []string{"NOT COPIED"},
			is:   failover.Exact, known: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Link, c.r.Source = "orders", "ams"
			text, v := printed(t, &c.r, c.failed)
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("it does not say %q:\n%s", part, text)
				}
			}
			for _, part := range c.not {
				if strings.Contains(text, part) {
					t.Errorf("it says %q:\n%s", part, text)
				}
			}
			if p := v.Partitions[0]; p.Certain != c.is || p.Known != c.known || p.Compared != c.r.Partitions[0].Compared {
				t.Errorf("as JSON it is %+v", p)
			}
		})
	}
}
