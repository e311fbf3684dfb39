package replication

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/loghost"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Site is a host of what a site declares. Its methods are for concurrent use. Close it when
// done.
type Site struct {
	options Options
	service *loghost.Service
	host    *sharedlog.Host

	stop  context.CancelFunc
	ended chan struct{} // closed when the host has ended, err says why
	err   error

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	dirty   bool          // something has changed since; the host's goroutine alone
}

// ErrNothingDeclared says that the site has no log of links: nothing was ever declared, or
// the prefix is another one.
var ErrNothingDeclared = errors.New("the site has declared no links yet; declare one (spanway link apply)")

var errClosed = errors.New("the site is closed")

// Open makes this process a host of what the site of that cluster declares: it folds the
// newest snapshot and what follows, no longer than ctx. c must stay open until the site is
// closed.
func Open(ctx context.Context, c *cluster.Cluster, o Options) (*Site, error) {
	o = o.withDefaults()
	if err := events.CheckPrefix(o.Prefix); err != nil {
		return nil, fmt.Errorf("open the links: %w", err)
	}
	logs := o.topics().ReplicationLogs()[:2] // The links and their snapshots.
	n, err := c.Kafka().Partitions(ctx, logs[0].Topic)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", logs[0].Topic, err)
	case n == 0 && !o.Create:
		return nil, fmt.Errorf("open %s: %w", logs[0].Topic, ErrNothingDeclared)
	case n == 0:
		if err := c.Guard(o.Prefix, logs[0].Topic).Writable(ctx, -1); err != nil {
			return nil, fmt.Errorf("open %s: %w", logs[0].Topic, err)
		}
		if _, err := c.Ensure(ctx, events.Specs(logs)); err != nil {
			return nil, fmt.Errorf("open %s: %w", logs[0].Topic, err)
		}
	}
	s, err := start(c, logs[0], o)
	if err != nil {
		return nil, err
	}
	watcher := &sharedlog.Watcher{Decided: s.decided, Stepped: s.stepped, Began: func(sharedlog.Core, Position) { s.wake() }}
	if _, err := s.host.Watch(ctx, watcher); err != nil {
		_ = s.Close() // What ended the host is this error.
		return nil, fmt.Errorf("open %s: %w", logs[0].Topic, err)
	}
	return s, nil
}

// start runs a host.
func start(c *cluster.Cluster, log events.Log, o Options) (*Site, error) {
	group := o.topics().KeeperGroup(log.Topic)
	if o.Brief {
		group = ""
	}
	service, err := loghost.New(loghost.Config{
		Log: log, Group: group, Cluster: loghost.On(c), Encoder: o.encoder(),
		NewCore:   func(int32) sharedlog.Core { return links.New() },
		Snapshots: o.Snapshots, Logger: o.Logger, Meter: o.Meter,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", log.Topic, err)
	}
	s := &Site{options: o, service: service, host: service.Host(0), ended: make(chan struct{}), changed: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.ended)
		s.err = service.Run(ctx)
	}()
	return s, nil
}

// Close ends this host: what waits ends with an error, and calls that have no verdict with
// a *sharedlog.UnknownError. The error is what ended the host before, if anything did.
func (s *Site) Close() error {
	s.stop()
	<-s.ended
	if s.err != nil {
		return fmt.Errorf("the links of the site: %w", s.err)
	}
	return nil
}

// Trouble is what is in the way now, for more than a second; nil if nothing is.
func (s *Site) Trouble() error { return s.service.Trouble() }

// decided, stepped and wake note that something has changed, for what watches.
func (s *Site) decided(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict) {
	s.dirty = s.dirty || v.Accepted()
}

func (s *Site) stepped(sharedlog.Core, Position) {
	if s.dirty {
		s.wake()
	}
}

func (s *Site) wake() {
	s.dirty = false
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// moved is closed when something changes next.
func (s *Site) moved() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Site) hostEnded() error {
	if s.err != nil {
		return s.err
	}
	return errClosed
}
