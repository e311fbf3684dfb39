package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// partingTime bounds what an engine still waits for once it has departed:
	// handlers that were told to stop, and its last reports.
	partingTime = 5 * time.Second
	// fetchWait is how long a fetch waits for something to read: what comes ends the wait.
	fetchWait = 2 * time.Second
	// retryPause lies between two attempts to reach the broker.
	retryPause = 200 * time.Millisecond
	// measureEvery lies between two looks at what is used.
	measureEvery = time.Second
)

// loop is one run of an engine: the goroutine that owns its lease.Holder, and
// those that it starts.
type loop struct {
	engine    *Engine
	log       *slog.Logger
	handlers  map[string]Handler
	transport transport
	clock     *steady.Clock
	holder    *lease.Holder
	inbox     *inbox
	board     *trouble.Board
	lease     *trouble.Try // to be known to a scheduler
	sender    *sender
	pages     chan events.Page
	cancels   map[events.Token]context.CancelCauseFunc
	running   sync.WaitGroup // handlers
	ended     ended          // the handler whose end is delivered
	departed  bool
	over      chan struct{} // closed when nothing is delivered any more
}

func newLoop(e *Engine, handlers map[string]Handler) (*loop, error) {
	transport, err := e.connect()
	if err != nil {
		return nil, err
	}
	l := &loop{
		engine: e, handlers: handlers, transport: transport,
		log:   e.config.Logger.With("engine", e.config.ID, "pool", e.config.Pool),
		board: boardOf(transport, e.config.Logger),
		clock: steady.New(steady.Read()), inbox: newInbox(), pages: make(chan events.Page),
		cancels: map[events.Token]context.CancelCauseFunc{}, over: make(chan struct{}),
	}
	topics := events.Topics{Prefix: e.config.Prefix}
	l.holder = lease.New(lease.Settings{
		Engine: e.describe(sortedKeys(handlers)), TTL: e.config.TTL.Milliseconds(),
		Reports: topics.Reports(), Events: topics.Events(),
	})
	l.sender = newSender(l.transport, events.Encoder{Source: "/spanway/" + e.config.Site + "/engine", JSON: e.config.JSON}, e, l.inbox, l.log)
	return l, nil
}

// run lives through one Run of the engine.
func (l *loop) run(ctx context.Context) error {
	defer l.part()
	from, known, err := l.end(ctx)
	if err != nil {
		return fmt.Errorf("run engine %q: %w", l.engine.config.ID, err)
	}
	if !known {
		return nil // Nobody knows of it yet.
	}
	reading, stop := context.WithCancel(context.Background())
	var reader sync.WaitGroup
	reader.Go(func() { l.read(reading, from) })
	if m := l.engine.config.Monitor; m != nil {
		l.holder.Observed(m.Used())
		reader.Go(func() { l.measure(reading, m) })
	}
	defer reader.Wait()
	defer stop()

	l.do(l.holder.Register(l.now(), incarnation(), from))
	l.serve(ctx)
	close(l.over)
	return l.holder.Err()
}

// serve is the loop proper: one thing happens, the holder says what follows,
// and that is done.
func (l *loop) serve(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	l.lease = l.board.New(fmt.Sprintf("register engine %s with the scheduler of pool %s", l.engine.config.ID, l.engine.config.Pool))
	defer l.lease.End()
	leave, closing := ctx.Done(), l.engine.closing
	var m mail
	for !l.departed {
		select {
		case page := <-l.pages:
			if len(page.Records) > 0 {
				failpoint.Hit(failpoint.EngineRead)
			}
			l.do(l.holder.Read(l.now(), page))
		case <-l.inbox.wake:
			m = l.inbox.take(m)
			l.deliver(&m)
		case <-timer.C:
			l.do(l.holder.Tick(l.now()))
		case <-leave:
			leave = nil
			l.log.Info("draining", "grace", l.engine.config.Grace)
			l.do(l.holder.Drain(l.now(), l.engine.config.Grace.Milliseconds()))
		case <-closing:
			closing = nil
			l.do(l.holder.Drain(l.now(), 0))
		}
		l.told(l.holder.Status())
		timer.Reset(time.Duration(max(l.holder.Wake()-l.now(), 0)) * time.Millisecond)
	}
}

// registeredWithin is how long a scheduler may take to answer a registration before the
// engine says that it waits for one.
var registeredWithin = 5 * time.Second

// told makes a status known, and whether the engine can be given work.
func (l *loop) told(s lease.Status) {
	l.engine.setStatus(s)
	switch s.State {
	case lease.Adrift, lease.Registering:
		l.lease.Begin(registeredWithin)
	case lease.Ready:
		l.lease.Passed()
	default:
		l.lease.End() // It goes.
	}
}

// now is the time by which the lease is measured, in milliseconds: no step of the host's
// clock changes it, and the sleep of the machine counts.
func (l *loop) now() int64 { return l.clock.Now().UnixMilli() }

// deliver tells the holder what came in.
func (l *loop) deliver(m *mail) {
	now := l.now()
	if m.acked > 0 {
		l.holder.Acked(m.acked)
	}
	if m.measured {
		l.holder.Observed(m.used)
	}
	for _, h := range m.heard {
		take := l.holder.Progressed
		if h.said.output {
			take = l.holder.Wrote
		}
		actions, held := take(now, h.token, h.said.typ, h.said.data)
		l.do(actions)
		if held {
			h.done <- nil
		} else {
			h.done <- errOver
		}
	}
	for _, e := range m.ended {
		if cancel := l.cancels[e.token]; cancel != nil {
			cancel(nil)
			delete(l.cancels, e.token)
		}
		l.ended = e
		l.do(l.holder.Finished(now, e.token, e.result))
	}
	l.ended = ended{}
	if m.undelivered != "" {
		l.do(l.holder.Undelivered(now, m.undelivered))
	}
}

// do does what the holder asks for.
func (l *loop) do(actions []lease.Action) {
	anew := ""
	for _, a := range actions {
		switch a.Verb {
		case lease.Start:
			l.start(a.Attempt)
		case lease.Stop:
			if cancel := l.cancels[a.Token]; cancel != nil {
				cancel(causeError(a.Cause))
			}
		case lease.Abandon:
			l.log.WarnContext(traced(a.Attempt), "a handler does not end although it was stopped: what it uses is given to others",
				"kind", a.Attempt.Task.Kind, "task", a.Attempt.Task.Id, "token", a.Token)
		case lease.Send:
			l.sender.send(a.Report, l.contextOf(a.Report))
		case lease.BecameReady:
			l.becameReady()
		case lease.RegisterAnew:
			anew = a.Reason
		case lease.Depart:
			l.departed = true
			l.log.Info("departed", "reason", a.Reason)
		}
	}
	if anew != "" && l.holder.Err() == nil {
		l.log.Warn("the lease is lost, registering anew", "reason", anew)
		l.do(l.holder.Register(l.now(), incarnation(), l.holder.Next()))
	}
}

func (l *loop) becameReady() {
	l.log.Info("ready", "incarnation", l.holder.Status().Incarnation, "kinds", sortedKeys(l.handlers))
	select {
	case <-l.engine.ready:
	default:
		close(l.engine.ready)
	}
}

// part waits for what must not outlive the run, but not for ever: a handler
// that does not heed its context is left behind.
func (l *loop) part() {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	defer l.board.Begin(func() string { return "wait for handlers and send the last reports" }, 0).End()
	l.sender.close()
	ended := make(chan struct{})
	go func() {
		l.running.Wait()
		<-l.sender.done
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		l.log.Warn("handlers or reports were left behind", "running", l.engine.Status().Running)
	}
	if err := l.transport.Flush(ctx); err != nil {
		l.log.Warn("the last reports may not have arrived", "error", err)
	}
	l.sender.stop()
	l.transport.Close()
}

// incarnation is a UUIDv7: those of one process grow.
func incarnation() events.Incarnation {
	return events.Incarnation(uuid.Must(uuid.NewV7()).String())
}
