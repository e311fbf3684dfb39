package log

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/document"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/replay"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// asRecorded, in place of a file, changes nothing.
const asRecorded = "recorded"

// replaying is what the flags of log replay say.
type replaying struct {
	pool, engines, policy string
	from, to              cli.Moment
}

func replayPast(a *cli.App) *cobra.Command {
	var s replaying
	c := &cobra.Command{
		Use:   "replay [--engines FILE] [--policy FILE]",
		Short: "Run what a pool was asked for again, on other engines or under another policy, and show the difference",
		Long: `Run the recorded requests of a pool again through the scheduler's own core, in
virtual time and in this process, on other engines or under another policy, and
print what would have been different: waiting times, placements, and what could
not have been placed. Nothing is written, and no service notices.

An attempt takes what it took in the record, whatever the engine; what never
ended takes the median of its kind. RECORD is what happened, BASELINE what the
core makes of the unchanged record, REPLAY what it makes of it with the files;
CHANGE is from the baseline to the replay.

--engines is a list in YAML or JSON, or what "engine list -o json" printed:
  - {id: eu, count: 3, site: eu, labels: {gpu: 1}, allocatable: {slots: 4, memory_bytes: 64Gi}}
Besides: node, kinds (default all that were asked for) and accepts.

--policy is an object in YAML or JSON; what is absent stays as it was:
  tenant_weights: {shop: 3}
  reserve_after: 30s                 # or never
  tasks:                             # each that matches applies, in order
  - {kind: resize, tenant: shop, priority: 7, and_where: engine.site == "eu", and_needs: {slots: 2}}
An override may set priority, prefer, where (instead of the predicate) or
and_where (besides it), needs (instead of all) or and_needs (of these).`,
		Example: `  spanway log replay --pool blue --from 24h --engines half.yaml
  spanway engine list --pool blue -o json > now.json && spanway log replay --pool blue --engines now.json --policy weights.yaml`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scenario, window, err := s.read(a)
			if err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				return runReplay(ctx, a, c, events.Pool(s.pool), window, scenario)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&s.pool, "pool", string(events.DefaultPool), "whose requests")
	f.StringVar(&s.engines, "engines", asRecorded, "file of the engines to run on, - for standard input, or \"recorded\": as they came and went")
	f.StringVar(&s.policy, "policy", asRecorded, "file of the policy to run under, - for standard input, or \"recorded\"")
	s.from.Flag(c, "from", "what was accepted from then on, and what had not ended")
	s.to.Flag(c, "to", "what was accepted until then")
	return c
}

// read takes what the flags name.
func (s *replaying) read(a *cli.App) (sc replay.Scenario, w replay.Window, err error) {
	if w.From, err = s.bound(&s.from); err != nil {
		return sc, w, err
	}
	if w.To, err = s.bound(&s.to); err != nil {
		return sc, w, err
	}
	if s.engines == "-" && s.policy == "-" {
		return sc, w, cli.Usage("--engines and --policy cannot both be standard input")
	}
	if s.engines != asRecorded {
		data, err := readScenario(a, s.engines)
		if err != nil {
			return sc, w, err
		}
		if sc.Fleet, err = replay.ParseFleet(data); err != nil {
			return sc, w, cli.Usage("--engines %s: %w", s.engines, err)
		}
	}
	if s.policy != asRecorded {
		data, err := readScenario(a, s.policy)
		if err != nil {
			return sc, w, err
		}
		if sc.Policy, err = replay.ParsePolicy(data); err != nil {
			return sc, w, cli.Usage("--policy %s: %w", s.policy, err)
		}
	}
	return sc, w, nil
}

func (s *replaying) bound(m *cli.Moment) (replay.Bound, error) {
	at, err := m.Parse()
	if err != nil {
		return replay.Bound{}, err
	}
	if p, ok := at.Partition(); ok && p != events.PoolPartition(events.Pool(s.pool)) {
		return replay.Bound{}, cli.Usage("%s is not of pool %q, which is on partition %d", at, s.pool, events.PoolPartition(events.Pool(s.pool)))
	}
	if offset, ok := at.Offset(); ok {
		return replay.Offset(offset), nil
	}
	if ms, ok := at.TimeMs(); ok {
		return replay.TimeMs(ms), nil
	}
	return replay.Bound{}, nil
}

// readScenario reads a file, no more of it than can be used.
func readScenario(a *cli.App, name string) ([]byte, error) {
	in := a.In
	if name != "-" {
		f, err := a.Open(name)
		if err != nil {
			return nil, cli.Misuse(err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, replay.MaxFileBytes+1))
	if err != nil {
		return nil, cli.Usage("read %s: %w", name, err)
	}
	if document.Empty(data) {
		return nil, cli.Usage("%s is empty: give a file that says something, or \"%s\" to change nothing", name, asRecorded)
	}
	return data, nil
}

func runReplay(ctx context.Context, a *cli.App, c *cli.Conn, pool events.Pool, w replay.Window, sc replay.Scenario) error {
	var recorder *replay.Recorder
	asOf, err := c.Events(ctx, pool, func(before *query.State) func(events.Logged) {
		recorder = replay.NewRecorder(pool, w)
		if before != nil {
			recorder.Begin(before)
		}
		return recorder.Apply
	})
	if err != nil {
		return err
	}
	rec := recorder.Recording()
	if len(rec.Requests) == 0 {
		return &client.Refused{Code: "NOTHING_TO_REPLAY", Message: fmt.Sprintf("pool %q accepted no task in that time, as of %s", pool, asOf)}
	}
	report, err := replay.Compare(rec, sc)
	if err != nil {
		return cli.Usage("replay: %w", err)
	}
	if a.JSON() {
		return a.Object(struct {
			*replay.Report
			AsOf query.Position `json:"as_of"`
		}{report, asOf})
	}
	if err := a.Printf("%s", render.Report(report)); err != nil {
		return err
	}
	return a.AsOf(asOf.String())
}
