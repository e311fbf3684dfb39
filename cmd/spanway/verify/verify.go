package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/networks"
	"github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/internal/verify/spaces"
	"github.com/spanway/spanway/internal/verify/spill"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the command verify.
func Command(a *cli.App) *cobra.Command {
	var noneOpen, all bool
	var dirs []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the guarantees from the logs alone; exit 1 if one is broken",
		Long: `Read every log that judges itself from its beginning and check, asking no service
and reading no other topic, that
  G1  an accepted task ends in exactly one terminal event, and its payload was
      kept until then
  G2  at most one result of a task is accepted, under its growing token
  G3  at every moment the needs on an engine were within its capacity and the
      measured headroom, and tasks with a limit key within their limit
  G4  every assignment satisfied its predicate on the engine that it names, was
      accepted by the engine, came not before its time nor before the tasks that
      it waits for, and kept reservations
  G5  versions of the fold grow, and nothing stands in the log before the version
      that it needs; that equal logs give equal states is for tests to show
  G6  nothing that an older owner wrote counts after a newer claim
  G8  every call to a queue is decided again: its ordering is that of the first
      accepted entries, each is taken out once, and none returns
  G9  every grant of identifiers is decided again: none is live or rests twice, and
      what requesters were told is what the log says
  G11  behind each entry that a site has applied it has what it must have by the
      changes of its entries up to that one; entries are applied in order, each once

G1 to G4 are about tasks.events, G8 about queue.*, G9 about ids.events, G11 about
network.changes and the network.status of every site that it names: of this cluster,
and of those that the configuration file tells. Of another
owned log, whose events have no rules here yet, the chain is judged alone, and that
is said.

Who may write to an owned log may also claim it and then decide in the owner's
place, and no rule is broken by that. So the claims are told by the names of the
owners, the rarest first: look for one that you do not know. A program may give
any name; the boundary is the topic's ACL.

A log whose beginning was deleted behind its snapshots is judged from where it
begins; what cannot be judged for that is said. LOSS means that acknowledged
records are gone, or the beginning of a log and no snapshot has its place, or that an
input ends below where it was read to: no owner broke a guarantee, but what those
records promised is not kept.

A copy that a replicator makes is not judged: what was decided is told by the log that it
is a copy of, at its own offsets. Run verify at that cluster, and "spanway link audit" for
the copy.

It takes memory for what is open, not for what has ended: beyond some 20,000 tasks
of a partition, that is remembered in temporary files (TMPDIR), which take about 250
bytes for each task in the log, of two partitions at a time.

With --segments no broker is needed: it reads the files of brokers that have stopped, or
copies of them. Records at the end that not all replicas had are judged, too.`,
		Args: cli.None,
		Example: `  spanway verify
  spanway verify --segments /backup/kafka-logs-1,/backup/kafka-logs-2`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts := tasks.Options{NoneOpen: noneOpen}
			if all {
				opts.MaxFindings = math.MaxInt
			}
			if len(dirs) > 0 {
				f, err := openFiles(dirs, a.Prefix)
				if err != nil {
					return err
				}
				return verify(cmd.Context(), a, f, opts, all)
			}
			return a.ConnectedFor(cmd.Context(), "", func(ctx context.Context, c *cli.Conn) error {
				return verify(ctx, a, c, opts, all)
			})
		},
	}
	c.Flags().StringSliceVar(&dirs, "segments", nil, "read no broker, but the files of brokers that have stopped, or copies of them: directories of log.dirs, or of spanway dev --data, of all brokers")
	c.Flags().BoolVar(&noneOpen, "none-open", false, "a task that has not ended is a violation too")
	c.Flags().BoolVar(&all, "all", false, fmt.Sprintf("print every finding, not the first %d of each log; with -o json, not the first %d of each partition", shown, chain.MaxFindings))
	return c
}

// verify judges the logs of a deployment, and prints what it found.
func verify(ctx context.Context, a *cli.App, from deployment, opts tasks.Options, all bool) error {
	topics := events.Topics{Prefix: a.Prefix}
	logs, err := judgeable(ctx, topics, from)
	if err == nil && len(logs) == 0 {
		err = from.Check(ctx) // It says what is not there, or which right is missing.
	}
	if err == nil {
		err = noCopies(ctx, from, logs)
	}
	if err != nil {
		return err
	}
	h := &history{}
	defer h.close()
	if err := h.begin(ctx, a, topics, from); err != nil {
		return fmt.Errorf("verify the logs of networks: %w", err)
	}
	v, err := judge(ctx, logs, topics, from, h, opts)
	if err != nil {
		return err
	}
	if err := printVerification(a, v, all); err != nil {
		return err
	}
	if !v.OK() {
		return &violations{v.Violations, v.Losses}
	}
	return v.unreached()
}

// judgeable lists the logs that judge themselves and exist: of the catalogue, of networks, and of
// queues.
func judgeable(ctx context.Context, of events.Topics, from source) ([]events.Log, error) {
	there, err := topicNames(ctx, from)
	if err != nil {
		return nil, err
	}
	logs := slices.DeleteFunc(slices.Concat(of.Catalogue(), of.NetworkLogs()), func(l events.Log) bool { return !l.Judged() || !there[l.Topic] })
	return append(logs, queues(of, there)...), nil
}

// topicNames are those of the topics that there are.
func topicNames(ctx context.Context, from source) (there map[string]bool, err error) {
	list, err := from.ListTopics(ctx)
	there = make(map[string]bool, len(list))
	for _, topic := range list {
		there[topic.Name] = true
	}
	return there, err
}

// verification is what was found in all logs.
type verification struct {
	// Report sums up the chains of all logs, of which Logs has each; what it counts
	// of tasks is of tasks.events.
	tasks.Report
	Logs []logReport `json:"logs"`
	// Unjudged are the sites of networks whose logs could not be judged.
	Unjudged []unjudged `json:"unjudged,omitempty"`
}

// logReport is what was found in one log.
type logReport struct {
	Topic string `json:"topic"`
	// Rules that were judged, as the guarantees are called: only G5 and G6 if there are
	// no rules here for what the log holds, none if it is not of one owner.
	Rules      []string `json:"rules"`
	Records    int64    `json:"records"`
	Counted    int64    `json:"counted"`
	Violations int64    `json:"violations"`
	Losses     int64    `json:"losses"`
	// ClaimsBy are the claims by the names of the owners.
	ClaimsBy map[string]int64 `json:"claims_by"`

	// Queue is set if the log is that of a queue, Spaces if it is ids.events.
	Queue  *queue.Counts  `json:"queue,omitempty"`
	Spaces *spaces.Counts `json:"spaces,omitempty"`
	// Networks is set if it is network.changes, Site if it is network.status.
	Networks *networks.Counts     `json:"networks,omitempty"`
	Site     *networks.SiteCounts `json:"site,omitempty"`

	tasks bool // the log is tasks.events
	found tasks.Report
}

// source is the cluster whose logs are judged, or the files of its brokers.
type source interface {
	// Scan gives all records of a partition, in order.
	Scan(ctx context.Context, topic string, partition int32, see func(*events.Record) error) error
	// Offsets tells where a partition begins and ends.
	Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error)
	// ListTopics lists the topics that there are.
	ListTopics(ctx context.Context) ([]client.TopicInfo, error)
	// SnapshotsOf lists the snapshots of a partition of a log.
	SnapshotsOf(ctx context.Context, topic string, partition int32) ([]query.SnapshotInfo, error)
}

// deployment is a source that knows what its logs are.
type deployment interface {
	source
	// Writable returns a *eventlog.ReadOnlyError if a partition is a copy.
	Writable(ctx context.Context, topic string, partition int32) error
	// Check tells what keeps the logs from being there.
	Check(ctx context.Context) error
}

// judge judges logs of a deployment, and of the sites of its networks.
func judge(ctx context.Context, logs []events.Log, topics events.Topics, from source, h *history, opts tasks.Options) (*verification, error) {
	if len(logs) == 0 {
		return nil, fmt.Errorf("verify: there is no %s and no other log that judges itself: check --prefix and --brokers", topics.Events())
	}
	v, here := &verification{}, map[string]bool{}
	// What sites must have had is known when the changes are judged.
	changes := func(l events.Log) int {
		if l.Topic == topics.NetworkChanges() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(logs, func(a, b events.Log) int { return cmp.Compare(changes(a), changes(b)) })
	for _, log := range logs {
		l := logReport{Topic: log.Topic, Rules: []string{}, tasks: log.Topic == topics.Events()}
		if err := l.judge(ctx, log, topics, from, h, opts); err != nil {
			return nil, fmt.Errorf("verify %s: %w", log.Topic, err)
		}
		if l.Site != nil {
			here[l.Site.Site] = true
		}
		v.take(l)
	}
	return v, h.judgeFar(ctx, v, here, opts)
}

// take takes in what was found in a log.
func (v *verification) take(l logReport) {
	l.Records, l.Counted, l.Violations, l.Losses = l.found.Records, l.found.Counted, l.found.Violations, l.found.Losses
	l.ClaimsBy = l.found.ClaimsBy
	v.Add(l.found)
	v.Logs = append(v.Logs, l)
}

// judge judges a log by the rules of what it holds.
func (l *logReport) judge(ctx context.Context, log events.Log, topics events.Topics, from source, h *history, opts tasks.Options) (err error) {
	of := func(past chain.Memory) chain.Options {
		return chain.Options{MaxFindings: opts.MaxFindings, Memory: past}
	}
	_, ofQueues := topics.QueueOf(log.Topic)
	switch {
	case l.tasks:
		l.Rules = []string{"G1", "G2", "G3", "G4", "G5", "G6"}
		l.found, err = judgePartitions(ctx, log, from, func(n int32, past chain.Memory) judging {
			opts := opts
			opts.Memory = past
			return tasks.NewPartition(log.Topic, n, opts)
		})
	case log.Topic == topics.NetworkChanges():
		err = h.judgeChanges(ctx, l, from, opts)
	case log.Topic == topics.NetworkStatus():
		err = h.judgeSite(ctx, l, "", from, h.until, opts)
	case log.Kind == events.OwnedLog:
		l.Rules = []string{"G5", "G6"}
		l.found, err = judgePartitions(ctx, log, from, func(n int32, past chain.Memory) judging {
			return chainOnly{chain.NewPartition(log.Topic, n, of(past), nil)}
		})
	case log.Topic == topics.IDEvents():
		l.Rules = []string{"G9"}
		counts := &spaceCounts{}
		l.found, err = judgePartitions(ctx, log, from, func(n int32, past chain.Memory) judging {
			return ofSpaces{spaces.NewPartition(log.Topic, n, of(past)), counts}
		})
		l.Spaces = &counts.sum
	case ofQueues:
		l.Rules, l.Queue = []string{"G8"}, &queue.Counts{}
		l.found, err = judgePartitions(ctx, log, from, func(_ int32, past chain.Memory) judging {
			return ofQueue{queue.NewPartition(log.Topic, of(past)), l.Queue}
		})
	}
	return err
}

// judging is the judgement of one partition.
type judging interface {
	Feed(r *events.Record)
	Report() tasks.Report
}

// chainOnly judges a log without rules for what it holds.
type chainOnly struct{ *chain.Partition }

func (c chainOnly) Report() tasks.Report { return reported(c.Partition.Report()) }

// reported is what was found in a log that is not that of tasks.
func reported(found chain.Report) (r tasks.Report) {
	r.Report = found
	for _, p := range found.Partial {
		r.Partial = append(r.Partial, tasks.Partial{Partial: p})
	}
	return r
}

// judgePartitions feeds every partition of a log to a judge of its own.
func judgePartitions(ctx context.Context, log events.Log, from source, begin func(int32, chain.Memory) judging) (sum tasks.Report, err error) {
	reports := make([]tasks.Report, log.Partitions)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range reports {
		group.Go(func() (err error) {
			reports[i], err = judgePartition(ctx, log.Topic, int32(i), from, begin)
			return err
		})
	}
	err = group.Wait()
	for _, r := range reports {
		sum.Add(r)
	}
	return sum, err
}

func judgePartition(ctx context.Context, topic string, n int32, from source, begin func(int32, chain.Memory) judging) (tasks.Report, error) {
	past := spill.New("")
	p := begin(n, past)
	err := from.Scan(ctx, topic, n, func(r *events.Record) error {
		p.Feed(r)
		return past.Err()
	})
	if err = errors.Join(err, past.Close()); err != nil {
		return tasks.Report{}, err
	}
	r := p.Report()
	err = errors.Join(findInputs(ctx, topic, n, from, &r.Report), findBeginning(ctx, topic, n, from, &r.Report))
	return r, err
}

// findBeginning finds that the beginning of a partition is gone and no snapshot has its
// place: then nobody can know its state. It is found before all else.
func findBeginning(ctx context.Context, topic string, n int32, from source, r *chain.Report) error {
	start, _, err := from.Offsets(ctx, topic, n)
	if err != nil || start == 0 {
		return err
	}
	snapshots, err := from.SnapshotsOf(ctx, topic, n)
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		if s.Usable {
			return nil
		}
	}
	lost := &eventlog.LossError{Topic: topic, Partition: n, Start: start, Snapshots: len(snapshots)}
	r.Violations++
	r.Losses++
	r.Findings = slices.Insert(r.Findings, 0, chain.Finding{
		Rule: chain.RuleLoss, Log: topic, Partition: n, Offset: start, Text: lost.Error(),
	})
	return nil
}

// violations is the verdict of verify on logs that break a guarantee, or of
// which acknowledged records are gone.
type violations struct{ n, losses int64 }

func (e *violations) Error() string {
	if e.n == e.losses {
		return fmt.Sprintf("%s: acknowledged records are gone from the log (%s); nobody broke a guarantee. "+
			"Look for an unclean leader election, a disk that lost power, or records that were deleted from outside, and submit again what is missing",
			query.CodeRecordsLost, render.Count(e.n, "finding", "findings"))
	}
	return fmt.Sprintf("GUARANTEE_BROKEN: %s; the log itself is the evidence, keep it", render.Count(e.n-e.losses, "violation", "violations"))
}

// ExitCode is that of a refusal.
func (e *violations) ExitCode() int { return cli.ExitRefused }
