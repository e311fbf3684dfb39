package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// Engine executes tasks in this process. Its methods are safe for concurrent
// use.
type Engine struct {
	config   Config
	executes messaging.Spans
	reports  messaging.Spans
	duration *messaging.Processing
	labels   map[string]*structpb.Value
	connect  func() (transport, error)
	ready    chan struct{}
	closing  chan struct{}
	finished chan struct{}
	close    func()

	mu       sync.Mutex
	handlers map[string]Handler
	wrong    error // what Handle could not say
	ran      bool
	closed   bool // before it ran
	status   lease.Status
	board    *trouble.Board // while it runs
}

// Option changes how an engine is made.
type Option func(*Engine)

// New makes an engine. It connects when it runs.
func New(c Config, options ...Option) (*Engine, error) {
	e := &Engine{
		config: c.withDefaults(), handlers: map[string]Handler{},
		ready: make(chan struct{}), closing: make(chan struct{}), finished: make(chan struct{}),
	}
	e.close = sync.OnceFunc(func() { close(e.closing) })
	e.connect = func() (transport, error) { return dialKafka(e.config) }
	e.traceWith(messaging.Tracer(scope))
	e.duration = messaging.NewProcessing(otel.Meter(scope), events.Topics{Prefix: e.config.Prefix}.Assignments())
	for _, o := range options {
		o(e)
	}
	if err := e.config.Validate(); err != nil {
		return nil, err
	}
	var err error
	e.labels, err = labels(e.config.Labels)
	return e, err
}

// Handle names the handler for a kind of task. Call it before Run, which
// returns what is wrong with it: an engine's kinds are fixed while it runs.
func (e *Engine) Handle(kind string, h Handler) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	switch {
	case e.ran:
		err = fmt.Errorf("handle kind %q: the engine runs already: call Handle before Run", kind)
		e.config.Logger.Error("a handler was ignored", "kind", kind, "error", err)
	case h == nil:
		err = fmt.Errorf("handle kind %q: the handler is nil", kind)
	case e.handlers[kind] != nil:
		err = fmt.Errorf("handle kind %q: it has a handler already", kind)
	default:
		if err = events.CheckKinds([]string{kind}); err != nil {
			err = fmt.Errorf("handle kind %q: %s", kind, reason(err))
		} else if len(e.handlers) == events.MaxKinds {
			err = fmt.Errorf("handle kind %q: the engine handles %d already, and at most so many are allowed", kind, events.MaxKinds)
		}
	}
	if err != nil {
		e.wrong = errors.Join(e.wrong, err)
		return
	}
	e.handlers[kind] = h
}

// Ready is closed when the scheduler first knows the engine, which may be given
// work from then on.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// Trouble is what keeps the engine from its work now, for more than a moment: no broker
// answers, no scheduler knows it. It is nil if nothing does, and before and after Run.
func (e *Engine) Trouble() error {
	e.mu.Lock()
	board := e.board
	e.mu.Unlock()
	if board == nil {
		return nil
	}
	return board.Err()
}

// Status is how the engine is, as of a moment ago.
func (e *Engine) Status() lease.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// Run executes tasks until ctx ends, then drains: it takes no new work, gives
// running handlers Config.Grace to end, stops the others and hands their tasks
// back. It returns nil after a drain, or why the engine cannot run: a handler
// that Handle refused, a cluster that refuses it when it begins (cluster.IsDenied),
// or another process that took over its ID. While the broker or the scheduler is
// away it waits for them. It can be called once.
func (e *Engine) Run(ctx context.Context) error {
	handlers, err := e.begin()
	if err != nil {
		return fmt.Errorf("run engine %q: %w", e.config.ID, err)
	}
	defer close(e.finished)
	stop, err := e.observe()
	if err != nil {
		return fmt.Errorf("run engine %q: %w", e.config.ID, err)
	}
	defer stop()
	l, err := newLoop(e, handlers)
	if err != nil {
		return fmt.Errorf("run engine %q: %w", e.config.ID, err)
	}
	e.show(l.board)
	defer e.show(nil)
	return l.run(ctx)
}

func (e *Engine) show(b *trouble.Board) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.board = b
}

func (e *Engine) begin() (map[string]Handler, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.wrong != nil:
		return nil, e.wrong
	case e.ran, e.closed:
		return nil, errors.New("it ran or was closed already: make a new one")
	case len(e.handlers) == 0:
		return nil, errors.New("it handles no kind of task: call Handle first")
	}
	e.ran = true
	return e.handlers, nil
}

// Close ends Run without grace: handlers are stopped and their tasks handed
// back at once. It returns when Run has.
func (e *Engine) Close() {
	e.close()
	e.mu.Lock()
	ran := e.ran
	e.closed = !ran
	e.mu.Unlock()
	if ran {
		<-e.finished
	}
}

// describe is what the engine says of itself.
func (e *Engine) describe(kinds []string) *events.Engine {
	id := events.EngineID(e.config.ID)
	return &events.Engine{
		Id: e.config.ID, Pool: e.config.Pool, Site: e.config.Site,
		Labels: e.labels, Allocatable: e.config.Allocatable, Kinds: kinds,
		AssignmentsPartition: events.EnginePartition(id),
		Accepts:              e.config.Accepts, Node: e.config.Node,
	}
}
