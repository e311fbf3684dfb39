package allocator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/commands"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/loghost"
	"github.com/spanway/spanway/pkg/watermillkafka"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// Service is an allocator process. Make one with New, run it once.
type Service struct {
	cfg        Config
	deps       Deps
	topics     events.Topics
	log        *slog.Logger
	metrics    *metrics
	hosts      *loghost.Service
	partitions map[int32]*partition
	intake     *intake
	trim       *trimmer
	taking     atomic.Pointer[watermillkafka.Subscriber] // of requests, once it takes any
	ready      chan struct{}
	ran        atomic.Bool
}

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case deps.Cluster == nil:
		return nil, errors.New("allocator: Deps.Cluster is nil; open one with cluster.Open")
	case deps.Store == nil:
		return nil, errors.New("allocator: Deps.Store is nil; open one with store.Open")
	}
	if deps.Logger == nil {
		deps.Logger = slog.Default()
	}
	s := &Service{
		cfg: cfg, deps: deps, topics: events.Topics{Prefix: cfg.Prefix}, log: deps.Logger,
		ready: make(chan struct{}), partitions: map[int32]*partition{},
	}
	var err error
	if s.metrics, err = newMetrics(deps.Meter); err != nil {
		return nil, fmt.Errorf("allocator: register metrics: %w", err)
	}
	s.trim = newTrimmer(s.topics.IDRequests(), loghost.On(deps.Cluster), s.log)
	log, _ := s.topics.Log(s.topics.IDEvents())
	s.hosts, err = loghost.New(loghost.Config{
		Log: log, Create: s.topics.UsedBy(events.RoleAllocator), Group: s.topics.KeeperGroup(log.Topic),
		NewCore: func(int32) sharedlog.Core { return idspace.New() },
		Cluster: loghost.On(deps.Cluster), Encoder: events.Encoder{Source: "/spanway/" + cfg.Site + "/allocator", JSON: cfg.JSON},
		Snapshots: cfg.Logs, Logger: deps.Logger, Meter: deps.Meter,
	})
	if err != nil {
		return nil, fmt.Errorf("allocator: %w", err)
	}
	return s, nil
}

// Ready is closed once the log of grants is folded and this process has its share of the
// requests, perhaps none.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Trouble is what is in the way now, for more than a second: of the log of grants, of the
// store, of reading requests, and of all that uses the connection to the cluster; nil if
// nothing is.
func (s *Service) Trouble() error {
	if err := s.hosts.Trouble(); err != nil {
		return err
	}
	if in := s.taking.Load(); in != nil {
		return in.Trouble()
	}
	return nil
}

// Run works until ctx ends: then it takes no more requests, waits for those that it has,
// leaves its groups and returns nil. Its error says that it cannot begin, or cannot go on.
func (s *Service) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("allocator: it was run before; a service runs once")
	}
	guard := s.deps.Cluster.Guard(s.cfg.Prefix, s.topics.IDEvents())
	err := s.deps.Cluster.Kafka().Board().Until(ctx, "look whether the log of grants is a copy", func() error { return guard.Writable(ctx, -1) })
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("allocator: %w", err)
	}
	// The hosts end last: what was taken is still to be answered.
	hosting, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	now := steady.New(steady.Read()).Now
	var beside sync.WaitGroup
	for n := range events.IDEventPartitions {
		p, end := s.partition(hosting, n, now)
		defer end()
		s.partitions[n] = p
		beside.Go(func() { p.answers.run(hosting) })
	}
	s.intake = newIntake(s.partitions, now, s.metrics)
	beside.Go(func() { s.intake.run(hosting) })
	defer s.metrics.observe(s.partitions, now)()
	hosted := make(chan error, 1)
	go func() { hosted <- s.hosts.Run(hosting) }()
	err = s.serve(ctx, hosted)
	stop(nil)
	if ended := <-hosted; err == nil {
		err = ended
	}
	beside.Wait()
	for _, p := range s.partitions {
		p.running.Wait()
	}
	if err != nil {
		return fmt.Errorf("allocator: %w", err)
	}
	return nil
}

// partition makes a partition of the log of grants; ctx is the service's.
func (s *Service) partition(ctx context.Context, n int32, now func() time.Time) (p *partition, end func()) {
	h := s.hosts.Host(n)
	try := s.deps.Cluster.Kafka().Board().New(fmt.Sprintf("have the store propose ranges for %s/%d", s.topics.IDEvents(), n))
	return &partition{host: h, granter: &granter{
		host: h, answers: newAnswers(h, now, s.metrics), store: s.deps.Store, now: now, patience: s.cfg.Patience, metrics: s.metrics,
		try: try, ctx: ctx, failed: make(chan struct{}, 1), spaces: map[string]*space{},
	}}, try.End
}

// serve handles requests once the log is folded, until ctx ends or the hosts do.
func (s *Service) serve(ctx context.Context, hosted chan error) error {
	select {
	case <-s.hosts.Ready():
	case <-ctx.Done():
		return nil
	case err := <-hosted:
		hosted <- nil
		return err
	}
	// What was taken is answered although ctx has ended; but not without hosts.
	handling, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range s.partitions {
		stop, err := p.answers.follow(ctx)
		if err != nil {
			return nil // ctx has ended, or the hosts have: that is told of.
		}
		defer stop()
	}
	lost := make(chan error, 1)
	var once sync.Once
	router, in, closeLetters, err := s.router(handling, watermillkafka.Hooks{
		Committed: s.trim.committed,
		Joined:    func(string, []int32) { once.Do(func() { close(s.ready) }) },
		Failed:    func(_ string, err error) { lost <- err },
	})
	if err != nil {
		return err
	}
	s.taking.Store(in.Subscriber)
	defer closeLetters() //nolint:errcheck // Nothing waits for what it has.
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { s.reconcile(ctx) })
	beside.Go(func() { s.trim.run(ctx) })
	beside.Go(func() {
		<-ctx.Done()
		_ = in.Close() // What it could not commit comes again.
	})
	var failed error
	beside.Go(func() {
		select {
		case err := <-hosted:
			hosted <- nil
			failed = err
			abandon()
			cancel()
		case <-ctx.Done():
		}
	})
	err = router.Run(ctx)
	select {
	case why := <-lost: // The router ends with its subscription, and tells no reason.
		err = errors.Join(err, why)
	default:
	}
	cancel()
	beside.Wait()
	return errors.Join(err, failed)
}

// draining is a subscriber whose messages go on when the router ends: they are over when they
// are answered, at the end of ctx, or when it is closed and they take too long.
type draining struct {
	*watermillkafka.Subscriber
	ctx context.Context //nolint:containedctx // Of the messages, in place of the router's.
}

func (d *draining) Subscribe(_ context.Context, topic string) (<-chan *message.Message, error) {
	return d.Subscriber.Subscribe(d.ctx, topic)
}

// router handles what comes on ids.requests, each message until ctx ends. It ends when its own
// context has ended and in is closed, or when in fails.
func (s *Service) router(ctx context.Context, hooks watermillkafka.Hooks) (router *message.Router, in *draining, closeLetters func() error, err error) {
	logger := watermill.NewSlogLogger(s.log)
	dead, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Cluster: s.deps.Cluster}, logger)
	if err != nil {
		return nil, nil, nil, err
	}
	from, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Cluster: s.deps.Cluster, ConsumerGroup: s.topics.AllocatorGroup(), InFlight: s.cfg.InFlight, OutOfRange: watermillkafka.GoOnAtOldest,
		Undecodable: watermillkafka.DeadLetterUndecodable(s.topics.DeadLetters()), CloseTimeout: closeTimeout,
		Hooks: hooks,
	}, logger)
	if err != nil {
		return nil, nil, nil, errors.Join(err, dead.Close())
	}
	router, err = commands.NewRouter(commands.Config{
		DeadLetters: dead, Topic: s.topics.DeadLetters(), CloseTimeout: closeTimeout, Logger: s.log,
	})
	if err != nil {
		return nil, nil, nil, errors.Join(err, dead.Close(), from.Close())
	}
	in = &draining{from, ctx}
	router.AddConsumerHandler("allocator", s.topics.IDRequests(), in, s.handle)
	return router, in, dead.Close, nil
}

// closeTimeout bounds how long a stop waits for requests that are handled.
const closeTimeout = 5 * time.Second
