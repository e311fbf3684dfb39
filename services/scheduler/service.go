package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Deps are what the service is given.
type Deps struct {
	Cluster *cluster.Cluster
	Logger  *slog.Logger
	Meter   metric.Meter
}

// Service is a scheduler process. Make one with New, run it once.
type Service struct {
	cfg        Config
	meter      metric.Meter
	topics     events.Topics
	predicates *predicate.Cache
	metrics    *metrics
	logger     *slog.Logger
	owners     *logowner.Service[input]
	guard      *mirrored.Guard
	board      *trouble.Board
}

// input is what the core decides on.
type input = *placement.Prepared

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Cluster == nil {
		return nil, errors.New("scheduler: Deps.Cluster is nil; open one with cluster.Open")
	}
	m, err := newMetrics(deps.Meter)
	if err != nil {
		return nil, fmt.Errorf("scheduler: register metrics: %w", err)
	}
	s := &Service{
		cfg: cfg, meter: deps.Meter, topics: events.Topics{Prefix: cfg.Prefix},
		predicates: predicate.NewCache(predicateCache), metrics: m, logger: deps.Logger,
	}
	s.guard, s.board = deps.Cluster.Guard(cfg.Prefix, s.topics.Events()), deps.Cluster.Kafka().Board()
	if s.owners, err = logowner.New(s.ownerConfig(deps)); err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	return s, nil
}

// ownerConfig says how the log of tasks is owned. Reports are decided before requests:
// results free what requests need. Silence is that of engines.
func (s *Service) ownerConfig(deps Deps) logowner.Config[input] {
	preparer := placement.NewPreparer(s.placement(0))
	return logowner.Config[input]{
		Name:      "spanway.scheduler",
		Log:       s.topics.Events(),
		Catalogue: s.topics.UsedBy(events.RoleScheduler),
		Group:     s.topics.SchedulerGroup(),
		Inputs: []logowner.Input[input]{
			{Topic: s.topics.Reports(), Prepare: preparer.Prepare, Silence: true},
			{Topic: s.topics.Requests(), Prepare: newRoots(s.topics.Requests()).before(preparer.Prepare)},
		},
		NewCore:   func(partition int32) eventlog.Core[input] { return placement.New(s.placement(partition)) },
		Cluster:   logowner.On(deps.Cluster),
		Encoder:   s.encoder(),
		Instance:  s.cfg.Instance,
		Snapshots: s.cfg.Logs.Snapshots(),
		Telemetry: logowner.Telemetry{Logger: deps.Logger, Meter: deps.Meter},
		Extend:    s.extend,
	}
}

// placement configures the core of a partition.
func (s *Service) placement(partition int32) placement.Config {
	return placement.Config{
		Topics:       s.topics,
		Partition:    partition,
		WaitingLimit: s.cfg.WaitingLimit,
		TTL:          s.cfg.EngineTTL,
		Predicates:   s.predicates,
		FoldVersion:  s.cfg.Logs.FoldVersion,
		PayloadBytes: s.cfg.Logs.PayloadBytes,
	}
}

// extend adds to an owner what only a scheduler has: spans, witnesses, echoes, figures.
func (s *Service) extend(t *logowner.Tenure[input]) {
	traces := newTraces(s, t.Partition, t.Now)
	in := &inputs{Inputs: t.Inputs, traces: traces}
	echo := &echoes{partition: t.Partition, topics: s.topics, encoder: s.encoder(), notify: t.Notify}
	figures, read, now := s.metrics.partition(t.Partition), t.Read, t.Now
	in.witnesses.doubted = s.doubts(t.Partition, now)
	t.Now, t.Inputs, t.Publishing = traces.clock, in, traces.publishing
	t.Hooks = eventlog.Hooks[input]{
		Owned: func(epoch uint32, _ eventlog.Core[input]) {
			in.witnesses.owned(epoch)
			traces.forget()
		},
		Disowned: func(error) { figures.clear() },
		Counted: func(core eventlog.Core[input], batch []events.Logged) {
			s.metrics.count(batch)
			traces.counted(core, batch)
		},
		Observe: func(core eventlog.Core[input]) {
			state := core.(*placement.State)
			figures.read(state)
			echo.send(now(), read(s.topics.Reports()), state.AssignmentPartitions())
		},
		Appended: func(events, _ int) { in.witnesses.appended(events) },
	}
}

// predicateCache is how many compiled predicates a process keeps.
const predicateCache = 20_000

// Ready is closed once every partition that the group first gave to this
// process is owned; with no partition, as soon as the group has said so.
func (s *Service) Ready() <-chan struct{} { return s.owners.Ready() }

// Trouble is what is in the way of owning what the group gives to this process, and of all
// that uses its connection; nil if nothing is.
func (s *Service) Trouble() error { return s.owners.Trouble() }

// Run works until ctx ends, then leaves the group and returns nil. It returns
// an error only if it cannot begin: topics that are not as they must be, or that are copies
// of another site's (*eventlog.ReadOnlyError).
func (s *Service) Run(ctx context.Context) error {
	err := s.board.Until(ctx, "look whether the log of tasks is a copy", func() error { return s.guard.Writable(ctx, -1) })
	if err == nil {
		err = s.owners.Run(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	return nil
}

// scope names what the service traces.
const scope = "github.com/spanway/spanway/services/scheduler"

func (s *Service) encoder() events.Encoder {
	return events.Encoder{Source: "/spanway/" + s.cfg.Site + "/scheduler", JSON: s.cfg.JSON}
}
